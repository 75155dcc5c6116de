/** Encoding many images, of one channel or three, gives what encoding each of them gives. */

import { describe, expect, it } from 'vitest';
import type { ImageSet, ImageShape } from '../../src/data/dataset.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { latentStatistics } from '../../src/evaluation/latent-statistics.ts';
import { TrainedModel } from '../../src/inference/trained-model.ts';
import { createModel } from '../../src/programs/programs.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';
import { constant } from '../../src/tensor/tensor.ts';
import { compute } from '../vae/compute.ts';

function trainedModel(imageShape: ImageShape, more: Partial<RunConfig> = {}) {
  const config: RunConfig = { ...DEFAULTS, device: 'reference', threads: 1, hidden: [4], latent: 2, ...more };
  const model = createModel(config, imageShape);
  const engine = createReferenceEngine();
  const specs = model.vae.parameters.map(({ name, tensor }) => ({ name, shape: tensor.shape }));
  const state = engine.allocate(specs, []);
  for (const { name, initialise } of model.vae.parameters) state.write(name, initialise(1));
  return { model, trained: new TrainedModel(engine, model, state) };
}

const images = (count: number, pixels: number): Uint8Array =>
  Uint8Array.from({ length: count * pixels }, (_, i) => (i * 37 + 11 * Math.floor(i / pixels)) % 256);
const setOf = (pixels: Uint8Array, size: number): ImageSet => {
  const count = pixels.length / size;
  return { count, images: pixels, labels: new Uint8Array(count) };
};

describe('encoding', () => {
  it("is the posterior's mean, standard deviation and KL, and decodes to pictures of the image's shape", async () => {
    const { model, trained } = trainedModel([3, 2, 2]);
    const pixels = images(3, 12);
    const { mean, stddev, kl } = await trained.encode(setOf(pixels, 12));
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
    compute(posterior.centre, values).forEach((value, i) => {
      expect(mean[i]).toBeCloseTo(value, 5);
    });
    compute(posterior.stddev!, values).forEach((value, i) => {
      expect(stddev![i]).toBeCloseTo(value, 5);
    });
    compute(posterior.draw(constant(new Float64Array(6), [1, 3, 2])).klTo(model.vae.prior)!, values).forEach(
      (value, i) => {
        expect(kl![i]).toBeCloseTo(value, 5);
      },
    );
    expect(await trained.decode(mean)).toHaveLength(36);
  });

  it('of more images than one batch holds is that of each', async () => {
    const { trained } = trainedModel([1, 2, 2]);
    const pixels = images(1030, 4);
    const { mean, stddev } = await trained.encode(setOf(pixels, 4));
    for (const i of [0, 1023, 1024, 1029]) {
      const alone = await trained.encode(setOf(pixels.subarray(4 * i, 4 * i + 4), 4));
      expect(mean.slice(2 * i, 2 * i + 2)).toEqual(alone.mean);
      expect(stddev!.slice(2 * i, 2 * i + 2)).toEqual(alone.stddev);
    }
  });

  it('of a model of binarised pixels sees black and white, drawn by the seed', async () => {
    const grey = setOf(new Uint8Array(4 * 40).fill(128), 4);
    const encode = (seed: number) => trainedModel([1, 2, 2], { binarize: 'stochastic', seed }).trained.encode(grey);
    const [first, again, other] = [await encode(1), await encode(1), await encode(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    const distinct = new Set(Array.from({ length: 40 }, (_, i) => first.mean.slice(2 * i, 2 * i + 2).join()));
    expect(distinct.size).toBeGreaterThan(5);
    expect(distinct.size).toBeLessThanOrEqual(2 ** 4);
  });

  it('of a flow or a plain autoencoder has no spread and no KL of its own for each latent', async () => {
    const { trained: flowing } = trainedModel([1, 2, 2], { posterior: 'planar', kl: 'monte-carlo' });
    expect(Object.keys(await flowing.encode(setOf(images(3, 4), 4))).sort()).toEqual(['mean']);
    const { trained: plain } = trainedModel([1, 2, 2], { posterior: 'point', objective: 'autoencoder' });
    expect(Object.keys(await plain.encode(setOf(images(3, 4), 4)))).toEqual(['mean']);
  });
});

describe('what a model makes of its latents', () => {
  it('is how much each mean varies over the images, and which are active', () => {
    const { activeUnits, meanVariance, kl } = latentStatistics(
      { mean: Float32Array.of(1, 5, 3, 5.1), kl: Float32Array.of(1, 0, 3, 0) },
      2,
    );
    expect(meanVariance[0]).toBeCloseTo(1, 6);
    expect(meanVariance[1]).toBeCloseTo(0.0025, 5);
    expect([activeUnits, kl]).toEqual([1, [2, 0]]);
  });
});
