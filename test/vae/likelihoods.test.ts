/** Likelihoods that have not learnt anything yet: where a decoder's outputs should begin for given pixels. */

import { describe, expect, it } from 'vitest';
import type { ImageSet } from '../../src/data/dataset.ts';
import { pixelMoments } from '../../src/programs/pixel-moments.ts';
import { fillNoise } from '../../src/random/random.ts';
import { constant } from '../../src/tensor/tensor.ts';
import { type LikelihoodName, likelihoodOf } from '../../src/vae/likelihoods/index.ts';
import { type LikelihoodConfig, RANGES } from '../../src/vae/likelihoods/likelihood.ts';
import { pooled } from '../../src/vae/likelihoods/moments.ts';
import { compute } from './compute.ts';

const COUNT = 1000;
const PLACES = 2;

/** Uniform numbers between 0 and 1. */
function uniform(stream: string, size: number): Float64Array {
  const values = new Float32Array(size);
  fillNoise(values, { kind: 'uniform' }, { seed: 5, stream, step: 0 });
  return Float64Array.from(values, (u) => Math.min(1 - 1e-6, Math.max(1e-6, u)));
}

const toByte = (value: number): number => Math.max(0, Math.min(255, Math.round(255 * value)));
const logistic = (u: number): number => Math.log(u / (1 - u));
/** Uniform numbers to a normal one. */
const gauss = (u: number, v: number): number => Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);

/** An image's pixels [C, places] from uniform numbers, as many for each pixel as they need. */
type Draw = (u: (pixel: number) => readonly [number, number]) => readonly number[];

function drawn(channels: number, draw: Draw): ImageSet {
  const size = channels * PLACES;
  const [first, second] = [uniform('first', COUNT * size), uniform('second', COUNT * size)];
  const images = new Uint8Array(COUNT * size);
  for (let i = 0; i < COUNT; i++)
    images.set(draw((pixel) => [first[i * size + pixel], second[i * size + pixel]]).map(toByte), i * size);
  return { images, count: COUNT, labels: new Uint8Array(COUNT) };
}

const BASE = { range: 'unit', stddev: 1, squash: true, mixtures: 2 } as const;

interface Case {
  readonly likelihood: LikelihoodName;
  readonly settings?: Partial<LikelihoodConfig>;
  readonly channels?: number;
  readonly draw: Draw;
}

const normalPixels = (mean: readonly number[], stddev: readonly number[]): Draw => {
  return (u) => mean.map((m, i) => m + stddev[i] * gauss(...u(i)));
};

/** Red, green and blue of one place depend on each other; the second place is brighter. */
const colours: Draw = (u) => {
  const at = (place: number): number[] => {
    const noise = (channel: number): number => logistic(u(channel * PLACES + place)[0]);
    const red = 0.4 + 0.1 * place + 0.04 * noise(0);
    const green = 0.1 + 0.7 * red + 0.015 * noise(1);
    return [red, green, 0.2 - 0.3 * red + 0.9 * green + 0.01 * noise(2)];
  };
  const [first, second] = [at(0), at(1)];
  return first.flatMap((value, channel) => [value, second[channel]]);
};

const CASES: Readonly<Record<string, Case>> = {
  bernoulli: { likelihood: 'bernoulli', draw: (u) => [u(0)[0] < 0.2 ? 1 : 0, u(1)[0] < 0.9 ? 1 : 0] },
  'continuous-bernoulli': {
    likelihood: 'continuous-bernoulli',
    draw: (u) => [-3, 8].map((l, i) => Math.log1p(u(i)[0] * Math.expm1(l)) / l),
  },
  'normal, squashed': {
    likelihood: 'normal',
    settings: { stddev: 0.1 },
    draw: normalPixels([0.3, 0.6], [0.1, 0.1]),
  },
  'normal, from −1 to 1': {
    likelihood: 'normal',
    settings: { squash: false, range: 'symmetric' },
    draw: normalPixels([0.3, 0.6], [0.1, 0.1]),
  },
  'normal, one learnt scale': {
    likelihood: 'normal',
    settings: { stddev: 'learned', range: 'symmetric' },
    draw: normalPixels([0.3, 0.6], [0.1, 0.1]),
  },
  'normal, a scale per pixel': {
    likelihood: 'normal',
    settings: { stddev: 'per-pixel' },
    draw: normalPixels([0.3, 0.6], [0.05, 0.1]),
  },
  'squared-error': { likelihood: 'squared-error', draw: normalPixels([0.3, 0.6], [0.05, 0.1]) },
  'discretised-logistic': {
    likelihood: 'discretised-logistic',
    draw: (u) => [0.35 + 0.02 * logistic(u(0)[0]), 0.6 + 0.04 * logistic(u(1)[0])],
  },
  'logistic-mixture, grey': {
    likelihood: 'logistic-mixture',
    draw: (u) => [0.35 + 0.02 * logistic(u(0)[0]), 0.6 + 0.04 * logistic(u(1)[0])],
  },
  'logistic-mixture, coloured': {
    likelihood: 'logistic-mixture',
    settings: { range: 'symmetric' },
    channels: 3,
    draw: colours,
  },
};

for (const [name, { likelihood, settings, channels = 1, draw }] of Object.entries(CASES)) {
  const { read, planes, parameters, outputsFor, parametersFor } = likelihoodOf(likelihood);
  const imageShape = [channels, 1, PLACES] as const;
  const config: LikelihoodConfig = { ...BASE, ...settings, imageShape };
  const set = drawn(channels, draw);
  const { low, high } = RANGES[config.range];
  const x = constant(
    Float64Array.from(set.images as Uint8Array, (byte) => low + (byte / 255) * (high - low)),
    [COUNT, channels * PLACES],
  );
  const moments = pixelMoments(set, imageShape);
  const start = outputsFor(moments, config);
  const beside = parametersFor?.(moments, config) ?? [];
  const names = parameters?.(config).map((parameter) => parameter.name) ?? [];

  /** p(x|z) of outputs and of the likelihood's own parameters. */
  const at = (values: Float64Array) => {
    const own = values.subarray(start.length);
    const made = parameters?.(config).map((parameter, i) => ({
      ...parameter,
      tensor: constant(own.slice(i, i + 1), [1]),
    }));
    return read(constant(values.slice(0, start.length), [1, start.length]), config, made ?? []);
  };
  /** Mean over the images, in nats. */
  const score = (values: Float64Array): number => compute(at(values).logProb(x).sum(-1).mean())[0];
  const first = Float64Array.from([...start, ...beside.flatMap((values) => [...values])]);

  describe(`${name}: the outputs for given pixels`, () => {
    it('are as many as a decoder gives, and one per plane for moments of all places', () => {
      expect(start.length).toBe(planes(config) * PLACES);
      expect(outputsFor(pooled(moments), config).length).toBe(planes(config));
      expect(beside.length).toBe(names.length);
    });

    it('have the means of the pixels', () => {
      const means = compute(at(first).mean);
      means.forEach((mean, i) => {
        expect((mean - low) / (high - low)).toBeCloseTo(moments.mean[i], 6);
      });
    });

    it('are better than zeros, and nearly as good as what a search around them finds', () => {
      const begun = score(first);
      expect(begun).toBeGreaterThan(score(new Float64Array(first.length)));
      let [best, bestScore] = [first, begun];
      for (let i = 0; i < 2 * first.length; i++) {
        const moved = best.with(i >> 1, best[i >> 1] + (i % 2 === 0 ? 0.2 : -0.2));
        const found = score(moved);
        if (found > bestScore) [best, bestScore] = [moved, found];
      }
      expect((bestScore - begun) / (channels * PLACES)).toBeLessThan(0.01);
    });
  });
}
