/** Encoding many images, of one channel or three, gives what encoding each of them gives. */

import { describe, expect, it } from 'vitest';
import type { ImageShape } from '../../src/data/dataset.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { constant } from '../../src/tensor/tensor.ts';
import { DEFAULT_CONFIG, type RunConfig } from '../../src/training/config.ts';
import { TrainedModel } from '../../src/training/inference.ts';
import { createModel } from '../../src/training/programs.ts';
import { compute } from '../vae/compute.ts';

function trainedModel(imageShape: ImageShape, more: Partial<RunConfig> = {}) {
  const config: RunConfig = { ...DEFAULT_CONFIG, device: 'reference', threads: 1, hidden: [4], latent: 2, ...more };
  const model = createModel(config, imageShape);
  const engine = createReferenceEngine();
  const specs = model.vae.parameters.map(({ name, tensor }) => ({ name, shape: tensor.shape }));
  const state = engine.allocate(specs, []);
  for (const { name, initialise } of model.vae.parameters) state.write(name, initialise(1));
  return { model, trained: new TrainedModel(engine, model, state) };
}

const images = (count: number, pixels: number): Uint8Array =>
  Uint8Array.from({ length: count * pixels }, (_, i) => (i * 37 + 11 * Math.floor(i / pixels)) % 256);

describe('encoding', () => {
  it('is the posterior’s mean and standard deviation, and decodes to pictures of the image’s shape', async () => {
    const { model, trained } = trainedModel([3, 2, 2]);
    const pixels = images(3, 12);
    const { mean, stddev } = await trained.encode(pixels);
    const posterior = model.vae.encode(
      constant(
        Float64Array.from(pixels, (byte) => byte / 255),
        [3, 12],
      ),
      'evaluation',
    );
    const values = Object.fromEntries(
      model.vae.parameters.map(({ name, initialise }) => [name, Float64Array.from(initialise(1))]),
    );
    compute(posterior.mean, values).forEach((value, i) => {
      expect(mean[i]).toBeCloseTo(value, 5);
    });
    compute(posterior.stddev, values).forEach((value, i) => {
      expect(stddev[i]).toBeCloseTo(value, 5);
    });
    expect(await trained.decode(mean)).toHaveLength(36);
  });

  it('of more images than one batch holds is that of each', async () => {
    const { trained } = trainedModel([1, 2, 2]);
    const pixels = images(1030, 4);
    const { mean, stddev } = await trained.encode(pixels);
    for (const i of [0, 1023, 1024, 1029]) {
      const alone = await trained.encode(pixels.subarray(4 * i, 4 * i + 4));
      expect(mean.slice(2 * i, 2 * i + 2)).toEqual(alone.mean);
      expect(stddev.slice(2 * i, 2 * i + 2)).toEqual(alone.stddev);
    }
  });

  it('of a model of binarised pixels sees black and white, drawn by the seed', async () => {
    const { trained } = trainedModel([1, 2, 2], { binarize: 'stochastic' });
    const grey = new Uint8Array(4 * 40).fill(128);
    const [first, again, other] = [
      await trained.encode(grey, 1),
      await trained.encode(grey, 1),
      await trained.encode(grey, 2),
    ];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    const distinct = new Set(Array.from({ length: 40 }, (_, i) => first.mean.slice(2 * i, 2 * i + 2).join()));
    expect(distinct.size).toBeGreaterThan(5);
    expect(distinct.size).toBeLessThanOrEqual(2 ** 4);
  });
});
