/** What a program of training or evaluation computes is the mathematics that its name says, on the same noise. */

import { describe, expect, it } from 'vitest';
import { examples, type Preprocessing, targets } from '../../src/data/preprocessing.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { estimateLogEvidence } from '../../src/evaluation/bound.ts';
import { dropout } from '../../src/nn/dropout.ts';
import { optimisers } from '../../src/nn/optimisers.ts';
import { batchSource } from '../../src/programs/batches.ts';
import { boundProgram, createModel, trainingProgram } from '../../src/programs/programs.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';
import { createProgram } from '../../src/tensor/program.ts';
import { argument, constant } from '../../src/tensor/tensor.ts';
import { standardNormalNoise } from '../../src/vae/distributions/normal.ts';
import { likelihoodOf } from '../../src/vae/likelihoods/index.ts';
import { elbo } from '../../src/vae/objectives/elbo.ts';
import { logWeights } from '../../src/vae/objectives/iwae.ts';
import { compute } from '../vae/compute.ts';

const config: RunConfig = {
  ...DEFAULTS,
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
const source = batchSource({ count: 4, images, labels: new Uint8Array(4) }, 6);
const engine = createReferenceEngine();
const optimiser = optimisers.adam.create();

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
    const executable = await engine.compile(boundProgram(model, 3, source), { state: stateOf(), data: { images } });
    const results = await executable.run({ arguments: { indices }, noise: { seed: 1, step: 5 } });
    const expected = elbo(model.vae, x, standardNormalNoise('posterior', [2, 3, 2]));
    expect(results.loss[0]).toBeCloseTo(compute(expected.loss, values, 5)[0], 5);
    expect(results.kl[0]).toBeCloseTo(mean(compute(expected.kl, values, 5)), 5);
    expect(results.loss[0]).toBeCloseTo(-(results.logLikelihood[0] - results.kl[0]), 5);
  });
});

describe('the training program', () => {
  it('has β and dropout in its loss', async () => {
    const executable = await engine.compile(trainingProgram(model, optimiser, 3, source), {
      state: stateOf(),
      data: { images },
    });
    const coefficients = optimiser.coefficients(1, 0.001);
    const results = await executable.run({ arguments: { indices }, noise: { seed: 1, step: 5 }, coefficients });
    const expected = elbo(model.vae, x, standardNormalNoise('posterior', [2, 3, 2]), {
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

const plain: Preprocessing = { imageShape: [1, 2, 3], binarise: 'none', low: 0, high: 1, flip: false };
const stochastic: Preprocessing = { ...plain, binarise: 'stochastic' };

describe('stochastic binarisation', () => {
  it('is white with the grey value as probability', () => {
    const grey = new Uint8Array(100_000).fill(51);
    const drawn = compute(targets(constant(grey, [1, 100_000], 'uint8'), stochastic));
    expect(new Set(drawn)).toEqual(new Set([0, 1]));
    expect(Math.abs(mean(drawn) - 0.2)).toBeLessThan(5 * Math.sqrt(0.16 / 100_000));
  });

  it('never changes black and white', () => {
    const ends = Uint8Array.from({ length: 100_000 }, (_, i) => (i % 2) * 255);
    const drawn = compute(targets(constant(ends, [1, 100_000], 'uint8'), stochastic));
    expect(drawn.every((value, i) => value === i % 2)).toBe(true);
  });
});

describe('what a model is given', () => {
  const bytes = Uint8Array.of(0, 51, 255, 10, 20, 30, 5, 6, 7, 8, 9, 1);
  const pixels = constant(bytes, [2, 6], 'uint8');
  const close = (found: Float64Array, expected: number[]) => {
    found.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 12);
    });
  };

  it('is on the scale that was asked for', () => {
    close(
      compute(targets(pixels, { ...plain, low: -1 })),
      [...bytes].map((byte) => byte / 127.5 - 1),
    );
  });

  it('is mirrored, left to right, or as it was', () => {
    const seen = new Set<string>();
    for (let step = 0; step < 40; step++) {
      seen.add(
        compute(targets(pixels, { ...plain, flip: true }).mul(255), {}, step)
          .subarray(0, 6)
          .map(Math.round)
          .join(),
      );
    }
    expect(seen).toEqual(new Set(['0,51,255,10,20,30', '255,51,0,30,20,10']));
  });

  it('is disturbed where the encoder looks, and not where the decoder aims', () => {
    const grey = constant(new Uint8Array(60_000).fill(51), [100, 600], 'uint8');
    const shape = { ...plain, imageShape: [1, 20, 30] } as const;
    const { target, seen } = examples(grey, { ...shape, inputNoise: 'salt-and-pepper:0.2' });
    const values = compute(seen);
    const share = (value: number) => values.filter((v) => Math.abs(v - value) < 1e-9).length / values.length;
    expect([share(0), share(1), share(0.2)].map((s) => Math.round(100 * s))).toEqual([10, 10, 80]);
    expect(new Set(compute(target)).size).toBe(1);
    const { seen: blurred } = examples(grey, { ...shape, inputNoise: 'normal:0.3' });
    const spread = Math.sqrt(mean(compute(blurred).map((value) => (value - 0.2) ** 2)));
    expect(spread).toBeCloseTo(0.3, 2);
  });
});

describe('a normal likelihood', () => {
  const shape = { imageShape: [1, 1, 1], range: 'unit', squash: true, mixtures: 1 } as const;
  const logNormal = (error: number, stddev: number) =>
    -0.5 * Math.log(2 * Math.PI * stddev ** 2) - error ** 2 / (2 * stddev ** 2);
  const logit = Math.log(0.3 / 0.7);

  it('has the standard deviation that was asked for', () => {
    const p = likelihoodOf('normal').read(constant(logit), { ...shape, stddev: 0.5 }, []);
    expect(compute(p.logProb(constant(0.9)))[0]).toBeCloseTo(logNormal(0.6, 0.5), 10);
  });

  it('has the one that the decoder gives for each pixel, but never less than a grey level', () => {
    const read = (raw: number) =>
      likelihoodOf('normal').read(constant(Float64Array.of(logit, raw), [2]), { ...shape, stddev: 'per-pixel' }, []);
    const at = (raw: number) => compute(read(raw).logProb(constant(0.9)))[0];
    expect(at(Math.log(0.5))).toBeCloseTo(logNormal(0.6, 0.5 + 1 / 256), 10);
    expect(at(-100)).toBeCloseTo(logNormal(0.6, 1 / 256), 6);
  });

  it('has means in the range of the pixels, squashed or not', () => {
    const meanOf = (config: object) =>
      compute(likelihoodOf('normal').read(constant(3), { ...shape, stddev: 1, ...config }, []).mean)[0];
    expect(meanOf({ squash: false })).toBe(3);
    expect(meanOf({ range: 'symmetric' })).toBeCloseTo(2 / (1 + Math.exp(-3)) - 1, 12);
  });
});
