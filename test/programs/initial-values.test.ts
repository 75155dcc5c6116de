/** A decoder begins near the data where it is asked to, and nothing else changes by that. */

import { describe, expect, it } from 'vitest';
import type { ImageSet } from '../../src/data/dataset.ts';
import { initialValues } from '../../src/programs/initial-values.ts';
import { pixelMoments } from '../../src/programs/pixel-moments.ts';
import { createModel } from '../../src/programs/programs.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';
import { constant } from '../../src/tensor/tensor.ts';
import { meanOf, pooled } from '../../src/vae/likelihoods/moments.ts';
import { compute } from '../vae/compute.ts';

const SHAPE = [3, 8, 8] as const;
const [CHANNELS, PLACES, COUNT] = [3, 64, 90];
const SIZE = CHANNELS * PLACES;

/** Pixels of which the first is always black. */
const images = Uint8Array.from({ length: COUNT * SIZE }, (_, i) =>
  i % SIZE === 0 ? 0 : 60 + ((i * 7919 + (i % 11) * (i % SIZE)) % 120),
);
const set: ImageSet = { images, count: COUNT, labels: new Uint8Array(COUNT) };
const moments = pixelMoments(set, SHAPE);

/** E[(a − E a)(b − E b)] of two pixels, from its definition. */
function covariance(a: number, b: number): number {
  const valuesOf = (pixel: number) => Array.from({ length: COUNT }, (_, i) => images[i * SIZE + pixel] / 255);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [first, second] = [valuesOf(a), valuesOf(b)];
  return mean(first.map((value, i) => (value - mean(first)) * (second[i] - mean(second))));
}

describe('the moments of a set', () => {
  it('are what their definition says, for every pair of channels', () => {
    for (const [a, b, place] of [
      [0, 0, 5],
      [2, 1, 9],
      [1, 2, 9],
      [2, 2, 63],
    ])
      expect(moments.covariance[(a * CHANNELS + b) * PLACES + place]).toBeCloseTo(
        covariance(a * PLACES + place, b * PLACES + place),
        12,
      );
  });

  it('have no variance where a pixel never changes', () => {
    expect([moments.mean[0], moments.covariance[0]]).toEqual([0, 0]);
  });

  it('are the same for images that stay in a file', () => {
    const read = (positions: Int32Array) =>
      Uint8Array.from([...positions].flatMap((i) => [...images.subarray(i * SIZE, (i + 1) * SIZE)]));
    const packed = { pixels: SIZE, checksum: 0, read, close: () => {} };
    expect(pixelMoments({ ...set, images: packed }, SHAPE)).toEqual(moments);
  });

  it('of all places are those of an image with one place and as many more images', () => {
    const flat = new Uint8Array(images.length);
    for (let i = 0; i < images.length; i++) {
      const [image, channel, place] = [Math.floor(i / SIZE), Math.floor((i % SIZE) / PLACES), i % PLACES];
      flat[(image * PLACES + place) * CHANNELS + channel] = images[i];
    }
    const all = pixelMoments({ ...set, images: flat, count: COUNT * PLACES }, [CHANNELS, 1, 1]);
    pooled(moments).covariance.forEach((value, i) => {
      expect(value).toBeCloseTo(all.covariance[i], 12);
    });
    pooled(moments).mean.forEach((value, c) => {
      expect(value).toBeCloseTo(all.mean[c], 12);
    });
  });
});

const configOf = (given: Partial<RunConfig>): RunConfig => ({
  ...DEFAULTS,
  device: 'reference',
  threads: 1,
  hidden: [6],
  latent: 2,
  blocks: 1,
  channels: given.model === undefined ? [] : [4],
  ...given,
});

const valuesOf = (given: Partial<RunConfig>) => {
  const model = createModel(configOf(given), SHAPE);
  return { vae: model.vae, values: new Map(initialValues(model, set)) };
};

describe("the decoder's last layer", () => {
  it("begins where Burda et al. (2016) begin it: at the logit of each pixel's mean, and nothing else is changed", () => {
    const { vae, values } = valuesOf({ initialBias: 'data' });
    const last = vae.decoder.parameters.at(-1)!.name;
    const expected = moments.mean.map((mean) => {
      const share = Math.max(1e-3, mean);
      return Math.log(share / (1 - share));
    });
    expect(values.get(last)).toEqual(Float32Array.from(expected));
    values.delete(last);
    const others = valuesOf({}).values;
    others.delete(last);
    expect(values).toEqual(others);
  });

  it("begins the standard deviation that is learnt for all pixels at the data's", () => {
    const { values } = valuesOf({ initialBias: 'data', likelihood: 'normal', stddev: 'learned' });
    const variances = Array.from({ length: SIZE }, (_, pixel) => covariance(pixel, pixel));
    const stddev = Math.sqrt(variances.reduce((sum, variance) => sum + variance, 0) / SIZE);
    expect(Math.exp(values.get('likelihood.log_stddev')![0]) + 1 / 256).toBeCloseTo(stddev, 6);
  });

  const networks: readonly Partial<RunConfig>[] = [{}, { model: 'conv' }, { model: 'residual', hidden: [] }];
  const likelihoods: readonly Partial<RunConfig>[] = [
    {},
    { likelihood: 'continuous-bernoulli' },
    { likelihood: 'normal', stddev: 'per-pixel', range: 'symmetric' },
    { likelihood: 'normal', squash: false },
    { likelihood: 'discretised-logistic', range: 'symmetric' },
    { likelihood: 'logistic-mixture', mixtures: 3 },
  ];
  for (const network of networks) {
    for (const likelihood of likelihoods) {
      it(`alone makes every picture the mean of the data: ${JSON.stringify({ ...network, ...likelihood })}`, () => {
        const { vae, values } = valuesOf({ ...network, ...likelihood, initialBias: 'data-alone' });
        const z = constant(Float64Array.of(0, 0, 2, -1), [2, 2]);
        const pictures = compute(vae.decode(z, 'evaluation').mean, Object.fromEntries(values));
        const { low, high } = likelihood.range === 'symmetric' ? { low: -1, high: 1 } : { low: 0, high: 1 };
        const [first, second] = [pictures.subarray(0, SIZE), pictures.subarray(SIZE)];
        expect(first).toEqual(second);
        first.forEach((value, i) => {
          const channel = Math.floor(i / PLACES);
          const mean = network.model === undefined ? moments.mean[i] : pooled(moments).mean[channel];
          // A pixel that is always black is taken for one that is nearly so.
          expect(Math.abs((value - low) / (high - low) - mean)).toBeLessThan(2e-3);
        });
      });
    }
  }

  it('has a spread of first means in a mixture, so that its components do not learn the same', () => {
    const { vae, values } = valuesOf({ initialBias: 'data-alone', likelihood: 'logistic-mixture', mixtures: 3 });
    const bias = values.get(vae.decoder.parameters.at(-1)!.name)!;
    const red = [3, 4, 5].map((plane) => bias[plane * PLACES + 7]);
    expect(red[0]).toBeLessThan(red[1]);
    expect(red[1]).toBeLessThan(red[2]);
    expect((red[0] + red[1] + red[2]) / 3).toBeCloseTo(2 * meanOf(moments, 0)[7] - 1, 6);
  });
});
