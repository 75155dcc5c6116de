import { describe, expect, it } from 'vitest';
import { constant, noise, type Tensor } from '../../src/tensor/tensor.ts';
import { DEFAULT_CONFIG } from '../../src/training/config.ts';
import { Normal } from '../../src/vae/distributions/normal.ts';
import { Vae, type VaeConfig } from '../../src/vae/model.ts';
import { elbo, logWeights } from '../../src/vae/objectives.ts';
import { compute } from './compute.ts';

const config: VaeConfig = {
  ...DEFAULT_CONFIG,
  initialisation: 'glorot',
  imageShape: [1, 2, 3],
  hidden: [4],
  latent: 2,
};

const valuesOf = (vae: Vae, seed = 1) =>
  Object.fromEntries(vae.parameters.map(({ name, initialise }) => [name, Float64Array.from(initialise(seed))]));

const x = constant(Float64Array.of(0, 1, 1, 0, 0.5, 1, 1, 1, 0, 0.2, 0, 0), [2, 6]);
const epsilon = (samples: number) => noise('posterior', { kind: 'standardNormal' }, [samples, 2, 2]);
const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the evidence lower bound', () => {
  const vae = new Vae(config);
  const values = valuesOf(vae);
  const bound = (options: Partial<Parameters<typeof elbo>[3]> = {}, samples = 3) =>
    elbo(vae, x, epsilon(samples), { kl: 'analytic', beta: 1, mode: 'training', ...options });

  it('is log likelihood minus KL, per example, and the loss is minus its mean', () => {
    const found = bound();
    const [total, logLikelihood, kl] = [found.bound, found.logLikelihood, found.kl].map((t) => compute(t, values));
    expect(total).toHaveLength(2);
    total.forEach((value, i) => {
      expect(value).toBeCloseTo(logLikelihood[i] - kl[i], 12);
    });
    expect(compute(found.loss, values)[0]).toBeCloseTo(-mean(total), 12);
  });

  it('weighs the KL by β', () => {
    const [plain, heavy] = [bound(), bound({ beta: 4 })];
    const kl = compute(plain.kl, values);
    const [first, second] = [compute(plain.bound, values), compute(heavy.bound, values)];
    second.forEach((value, i) => {
      expect(value).toBeCloseTo(first[i] - 3 * kl[i], 12);
    });
  });

  it('has a KL that is the same in closed form and by sampling, up to its standard error', () => {
    const samples = 4000;
    const exact = compute(bound().kl, values);
    const sampled = compute(bound({ kl: 'monte-carlo' }, samples).kl, values);
    exact.forEach((value, i) => {
      expect(Math.abs(sampled[i] - value)).toBeLessThan(5 * Math.sqrt((1 + value) / samples) * 2);
    });
  });

  it('never exceeds the importance-weighted bound on the same noise', () => {
    for (let step = 0; step < 20; step++) {
      const logW = logWeights(vae, x, epsilon(5));
      const [weighted, average] = [logW.logSumExp(0).sub(Math.log(5)), logW.mean(0)].map((t) =>
        compute(t, values, step),
      );
      weighted.forEach((value, i) => {
        expect(value).toBeGreaterThanOrEqual(average[i] - 1e-12);
      });
    }
  });

  it('with sampled KL is the mean log weight on the same noise', () => {
    const found = compute(bound({ kl: 'monte-carlo' }).bound, values);
    const average = compute(logWeights(vae, x, epsilon(3)).mean(0), values);
    found.forEach((value, i) => {
      expect(value).toBeCloseTo(average[i], 10);
    });
  });
});

describe('a linear model with normal noise, whose posterior is known', () => {
  // x = w·z + σ·η for one latent: p(z|x) = N(v·wᵀx/σ², v) with v = 1 / (1 + wᵀw/σ²), and x ~ N(0, w·wᵀ + σ²I).
  const [w, sigma, observed] = [[0.8, -1.2], 0.5, [0.3, -0.7]];
  const dot = (a: number[], b: number[]) => a[0] * b[0] + a[1] * b[1];
  const v = 1 / (1 + dot(w, w) / sigma ** 2);
  const posteriorMean = (v * dot(w, observed)) / sigma ** 2;

  /** log N(x; 0, wwᵀ + σ²I) in two dimensions. */
  const logEvidence = (() => {
    const [a, b, d] = [w[0] ** 2 + sigma ** 2, w[0] * w[1], w[1] ** 2 + sigma ** 2];
    const determinant = a * d - b * b;
    const quadratic = (d * observed[0] ** 2 - 2 * b * observed[0] * observed[1] + a * observed[1] ** 2) / determinant;
    return -Math.log(2 * Math.PI) - 0.5 * Math.log(determinant) - 0.5 * quadratic;
  })();

  const exact = {
    encode: () => new Normal(constant(posteriorMean), constant(Math.log(v)), constant(Math.sqrt(v))),
    decode: (z: Tensor) =>
      new Normal(z.mul(constant(Float64Array.from(w), [2])), constant(2 * Math.log(sigma)), constant(sigma)),
  } as unknown as Vae;

  it('has the log weight log p(x) for every z', () => {
    const image = constant(Float64Array.from(observed), [1, 2]);
    const logW = compute(logWeights(exact, image, noise('posterior', { kind: 'standardNormal' }, [50, 1, 1])));
    for (const value of logW) expect(value).toBeCloseTo(logEvidence, 10);
  });
});
