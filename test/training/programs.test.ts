/** What a program of training or evaluation computes is the mathematics that its name says, on the same noise. */

import { describe, expect, it } from 'vitest';
import { targets } from '../../src/data/binarise.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { dropout } from '../../src/nn/dropout.ts';
import { optimisers } from '../../src/nn/optimisers.ts';
import { createProgram } from '../../src/tensor/program.ts';
import { argument, constant } from '../../src/tensor/tensor.ts';
import { DEFAULT_CONFIG, type RunConfig } from '../../src/training/config.ts';
import { estimateLogEvidence } from '../../src/training/evaluation.ts';
import { boundProgram, createModel, trainingProgram } from '../../src/training/programs.ts';
import { standardNormalNoise } from '../../src/vae/distributions/normal.ts';
import { likelihoods } from '../../src/vae/model.ts';
import { elbo, logWeights } from '../../src/vae/objectives.ts';
import { compute } from '../vae/compute.ts';

const config: RunConfig = {
  ...DEFAULT_CONFIG,
  device: 'reference',
  threads: 1,
  hidden: [5],
  latent: 2,
  dropout: 0.3,
  beta: 7,
  samples: 2,
};
const model = createModel(config, [1, 2, 3]);
const images = Uint8Array.from({ length: 4 * 6 }, (_, i) => (i * 37) % 256);
const indices = Int32Array.of(2, 0, 3);
const engine = createReferenceEngine();
const optimiser = optimisers.adam();

const stateOf = () => {
  const shapes = model.vae.parameters.map(({ name, tensor }) => ({ name, shape: tensor.shape }));
  const state = engine.allocate(shapes, optimiser.update.moments);
  for (const { name, initialise } of model.vae.parameters) state.write(name, initialise(1));
  return state;
};
const values = Object.fromEntries(
  model.vae.parameters.map(({ name, initialise }) => [name, Float64Array.from(initialise(1))]),
);
const pixels = Float64Array.from(
  [...indices].flatMap((i) => [...images.subarray(6 * i, 6 * i + 6)]),
  (byte) => byte / 255,
);
const x = constant(pixels, [3, 6]);
const mean = (array: Float64Array): number => array.reduce((sum, value) => sum + value, 0) / array.length;

describe('the bound program', () => {
  it('is the bound at β = 1 without dropout', async () => {
    const executable = await engine.compile(boundProgram(model, 3, 4), { state: stateOf(), data: { images } });
    const results = await executable.run({ arguments: { indices }, noise: { seed: 1, step: 5 } });
    const expected = elbo(model.vae, x, standardNormalNoise('posterior', [2, 3, 2]), {
      kl: 'analytic',
      beta: 1,
      mode: 'evaluation',
    });
    expect(results.loss[0]).toBeCloseTo(compute(expected.loss, values, 5)[0], 5);
    expect(results.kl[0]).toBeCloseTo(mean(compute(expected.kl, values, 5)), 5);
    expect(results.loss[0]).toBeCloseTo(-(results.logLikelihood[0] - results.kl[0]), 5);
  });
});

describe('the training program', () => {
  it('has β and dropout in its loss', async () => {
    const executable = await engine.compile(trainingProgram(model, optimiser, 3, 4), {
      state: stateOf(),
      data: { images },
    });
    const coefficients = optimiser.coefficients(1, 0.001);
    const results = await executable.run({ arguments: { indices }, noise: { seed: 1, step: 5 }, coefficients });
    const expected = elbo(model.vae, x, standardNormalNoise('posterior', [2, 3, 2]), {
      kl: 'analytic',
      beta: 7,
      mode: 'training',
    });
    expect(results.loss[0]).toBeCloseTo(compute(expected.loss, values, 5)[0], 5);
    expect(results.loss[0]).toBeCloseTo(-(results.logLikelihood[0] - 7 * results.kl[0]), 4);
  });
});

describe('an importance estimate', () => {
  it('is the mean of log mean weights, with its standard error over the images', async () => {
    const set = { count: 4, images, labels: new Uint8Array(4) };
    const { logEvidence, standardError } = await estimateLogEvidence(engine, stateOf(), model, set, 3, 1);
    const all = constant(
      Float64Array.from(images, (byte) => byte / 255),
      [4, 6],
    );
    const weights = logWeights(model.vae, all, standardNormalNoise('importance', [3, 4, 2]));
    const each = compute(weights.logSumExp(0).sub(Math.log(3)), values, 2 ** 48);
    const variance = each.reduce((sum, value) => sum + (value - mean(each)) ** 2, 0) / 3;
    expect(logEvidence).toBeCloseTo(mean(each), 4);
    expect(standardError).toBeCloseTo(Math.sqrt(variance / 4), 4);
  });

  it('weighs one and the same image with stochastic binarisation, in however many chunks', async () => {
    const stochastic = createModel({ ...config, binarize: 'stochastic' }, [1, 2, 3]);
    const set = { count: 4, images, labels: new Uint8Array(4) };
    const estimate = (samples: number) => estimateLogEvidence(engine, stateOf(), stochastic, set, samples, 1);
    const [one, three] = [await estimate(4000), await estimate(12_000)];
    // Different images would differ by tenths of a nat; weights of this untrained model vary by hundredths.
    expect(Math.abs(three.logEvidence - one.logEvidence)).toBeLessThan(0.02);
  });
});

describe('dropout', () => {
  it('keeps the expectation', async () => {
    const kept = dropout(0.3)('layer').apply(argument('x', [200_000]), 'training');
    const executable = await engine.compile(createProgram('dropout', { kept }), {
      state: engine.allocate([], []),
      data: {},
    });
    const results = await executable.run({
      arguments: { x: new Float32Array(200_000).fill(2) },
      noise: { seed: 1, step: 0 },
    });
    expect([...new Set(results.kept)].sort((a, b) => a - b)).toEqual([0, Math.fround(2 / 0.7)]);
    expect(Math.abs(mean(Float64Array.from(results.kept)) - 2)).toBeLessThan(5 * Math.sqrt((4 * 0.3) / 0.7 / 200_000));
  });
});

describe('stochastic binarisation', () => {
  it('is white with the grey value as probability', () => {
    const grey = new Uint8Array(100_000).fill(51);
    const drawn = compute(targets(constant(grey, [100_000], 'uint8'), 'stochastic'));
    expect(new Set(drawn)).toEqual(new Set([0, 1]));
    expect(Math.abs(mean(drawn) - 0.2)).toBeLessThan(5 * Math.sqrt(0.16 / 100_000));
  });

  it('never changes black and white', () => {
    const ends = Uint8Array.from({ length: 100_000 }, (_, i) => (i % 2) * 255);
    const drawn = compute(targets(constant(ends, [100_000], 'uint8'), 'stochastic'));
    expect(drawn.every((value, i) => value === i % 2)).toBe(true);
  });
});

describe('a normal likelihood', () => {
  it('has the standard deviation that was asked for', () => {
    const logit = Math.log(0.3 / 0.7);
    const density = compute(likelihoods.normal(constant(logit), { stddev: 0.5 }).logProb(constant(0.9)))[0];
    expect(density).toBeCloseTo(-0.5 * Math.log(2 * Math.PI * 0.25) - 0.6 ** 2 / (2 * 0.25), 10);
  });
});
