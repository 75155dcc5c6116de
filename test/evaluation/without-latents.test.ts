/** The bound of a model that ignores its latents. */

import { describe, expect, it } from 'vitest';
import type { ImageSet } from '../../src/data/dataset.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { logLikelihoodWithoutLatents } from '../../src/evaluation/without-latents.ts';
import { pixelMoments } from '../../src/programs/pixel-moments.ts';
import { createModel } from '../../src/programs/programs.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';

const SHAPE = [1, 2, 2] as const;
const setOf = (count: number, from: number): ImageSet => ({
  images: Uint8Array.from({ length: 4 * count }, (_, i) => ((i + from) * 7919) % 256),
  count,
  labels: new Uint8Array(count),
});
const [train, test] = [setOf(40, 0), setOf(25, 1000)];
const moments = pixelMoments(train, SHAPE);
const measure = (given: Partial<RunConfig>, set = test) => {
  const config = { ...DEFAULTS, device: 'reference', threads: 1, ...given } as RunConfig;
  return logLikelihoodWithoutLatents(createReferenceEngine(), createModel(config, SHAPE), moments, set);
};
/** Mean over the test images of a sum over their pixels in [0, 1]. */
const meanOf = (term: (x: number, pixel: number) => number, set = test): number =>
  (set.images as Uint8Array).reduce((sum, byte, i) => sum + term(byte / 255, i % 4), 0) / set.count;

describe('the log likelihood without latents', () => {
  it('is the cross-entropy of the test images under the means of the training images', async () => {
    const expected = meanOf((x, pixel) => {
      const p = moments.mean[pixel];
      return x * Math.log(p) + (1 - x) * Math.log(1 - p);
    });
    expect(await measure({})).toBeCloseTo(expected, 5);
  });

  it('is a normal density with a mean per pixel and one learnt standard deviation', async () => {
    const variance = moments.covariance.reduce((sum, value) => sum + value, 0) / 4;
    const expected = meanOf(
      (x, pixel) => -0.5 * (Math.log(2 * Math.PI * variance) + (x - moments.mean[pixel]) ** 2 / variance),
    );
    expect(await measure({ likelihood: 'normal', stddev: 'learned' })).toBeCloseTo(expected, 5);
  });

  it('counts every image once, whatever the batches', async () => {
    // More images than one run takes: 392,000 values.
    const many = setOf(98_001, 0);
    const expected = meanOf((x, pixel) => -0.5 * (Math.log(2 * Math.PI) + (x - moments.mean[pixel]) ** 2), many);
    expect(await measure({ likelihood: 'normal', stddev: 1 }, many)).toBeCloseTo(expected, 5);
  });
});
