import { describe, expect, it } from 'vitest';
import { DEFAULTS } from '../../src/settings/table.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import { constant, noise, type Tensor } from '../../src/tensor/tensor.ts';
import { Normal } from '../../src/vae/distributions/normal.ts';
import { type LatentVariableModel, Vae, type VaeConfig } from '../../src/vae/model.ts';
import { autoencoder } from '../../src/vae/objectives/autoencoder.ts';
import { elbo } from '../../src/vae/objectives/elbo.ts';
import { estimators } from '../../src/vae/objectives/estimators.ts';
import { iwae, logWeights } from '../../src/vae/objectives/iwae.ts';
import { normalPosterior } from '../../src/vae/posteriors/normal.ts';
import { standardNormalPrior } from '../../src/vae/priors/standard-normal.ts';
import { compute } from './compute.ts';

const config: VaeConfig = {
  ...DEFAULTS,
  initializer: 'glorot',
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
    elbo(vae, x, epsilon(samples), { mode: 'training', ...options });

  it('is log likelihood minus KL, per example, and the loss is minus its mean', () => {
    const found = bound();
    const [total, logLikelihood, kl] = [found.bound, found.logLikelihood, found.kl].map((t) => compute(t, values));
    expect(total).toHaveLength(2);
    total.forEach((value, i) => {
      expect(value).toBeCloseTo(logLikelihood[i] - kl[i], 12);
    });
    expect(compute(found.loss, values)[0]).toBeCloseTo(-mean(total), 12);
  });

  it('weighs the KL in the loss by β, and not in the bound', () => {
    const [plain, heavy] = [bound(), bound({ beta: 4 })];
    const kl = compute(plain.kl, values);
    const [first, second] = [compute(plain.loss, values)[0], compute(heavy.loss, values)[0]];
    expect(second).toBeCloseTo(first + 3 * mean(kl), 12);
    expect(compute(heavy.bound, values)).toEqual(compute(plain.bound, values));
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

  it('estimates the KL to a prior that has no closed form', () => {
    const prior = { ...standardNormalPrior(2), klFrom: () => undefined };
    const found = elbo({ prior, encode: vae.encode, decode: vae.decode }, x, epsilon(3));
    const sampled = bound({ kl: 'monte-carlo' });
    expect(compute(found.bound, values)).toEqual(compute(sampled.bound, values));
    expect(compute(found.loss, values)[0]).toBeCloseTo(compute(sampled.loss, values)[0], 12);
    expect(() => elbo({ prior, encode: vae.encode, decode: vae.decode }, x, epsilon(3), { freeBits: 1 })).toThrow(
      'free bits need the KL of each latent in closed form',
    );
  });

  it('with sampled KL is the mean log weight on the same noise', () => {
    const found = compute(bound({ kl: 'monte-carlo' }).bound, values);
    const average = compute(logWeights(vae, x, epsilon(3)).mean(0), values);
    found.forEach((value, i) => {
      expect(value).toBeCloseTo(average[i], 10);
    });
  });
});

describe('free bits', () => {
  const vae = new Vae(config);
  const values = valuesOf(vae);
  const lossWith = (freeBits: number) => compute(elbo(vae, x, epsilon(3), { freeBits }).loss, values)[0];

  it('cost each latent the larger of its mean KL and the allowance', () => {
    const kl = compute(vae.encode(x, 'evaluation').draw(epsilon(1)).klTo(vae.prior)!.mean(0), values);
    const allowance = (kl[0] + kl[1]) / 2;
    const paid = kl.reduce((sum, value) => sum + Math.max(allowance, value), 0);
    expect(lossWith(allowance) - lossWith(0)).toBeCloseTo(paid - kl[0] - kl[1], 12);
  });
});

describe('the importance weighted bound', () => {
  const vae = new Vae(config);
  const values = valuesOf(vae);
  const boundOf = (samples: number, step: number) => compute(iwae(vae, x, epsilon(samples)).bound, values, step);

  it('is the log of the mean weight', () => {
    const logW = compute(logWeights(vae, x, epsilon(4)), values);
    boundOf(4, 0).forEach((value, i) => {
      const weights = [0, 1, 2, 3].map((sample) => Math.exp(logW[2 * sample + i]));
      expect(value).toBeCloseTo(Math.log(weights.reduce((a, b) => a + b) / 4), 12);
    });
  });

  it('grows with the samples, on average', () => {
    const average = (samples: number) => mean(Float64Array.from({ length: 300 }, (_, i) => mean(boundOf(samples, i))));
    expect(average(20)).toBeGreaterThan(average(1));
  });

  it('with one sample is the evidence lower bound with a sampled KL', () => {
    const found = compute(elbo(vae, x, epsilon(1), { kl: 'monte-carlo' }).bound, values);
    boundOf(1, 0).forEach((value, i) => {
      expect(value).toBeCloseTo(found[i], 12);
    });
  });
});

describe('the score function', () => {
  const vae = new Vae(config);
  const values = valuesOf(vae);
  const targets = vae.encoder.parameters.map(({ tensor }) => tensor);

  for (const [kl, samples] of [
    ['analytic', 1],
    ['monte-carlo', 3],
  ] as const) {
    it(`has the reparametrised gradient as its mean: ${kl} KL, ${samples} samples`, () => {
      const draws = 3000;
      const means = (['reparametrised', 'score-function'] as const).map((estimator) => {
        const { loss, surrogate = loss } = estimators[estimator].around(elbo)(vae, x, epsilon(samples), { kl });
        // The last bias feels every estimator's noise at its full size.
        const derivative = gradients(surrogate, targets).at(-1)!;
        const found = Array.from({ length: draws }, (_, step) => compute(derivative, values, step));
        return [0, 1, 2, 3].map((i) => {
          const component = Float64Array.from(found, (gradient) => gradient[i]);
          const average = mean(component);
          const variance = mean(component.map((value) => (value - average) ** 2));
          return { average, error: Math.sqrt(variance / draws) };
        });
      });
      means[0].forEach(({ average, error }, i) => {
        const other = means[1][i];
        expect(Math.abs(average - other.average)).toBeLessThan(4.5 * Math.hypot(error, other.error));
        // What reparametrising is for; the sampled KL hides it in a model as small as this.
        if (kl === 'analytic') expect(other.error).toBeGreaterThan(error);
      });
    });
  }

  it('leaves the loss and the gradient of the decoder as they are', () => {
    const [plain, scored] = (['reparametrised', 'score-function'] as const).map((estimator) =>
      estimators[estimator].around(elbo)(vae, x, epsilon(2)),
    );
    expect(compute(scored.loss, values)).toEqual(compute(plain.loss, values));
    const decoder = vae.decoder.parameters.map(({ tensor }) => tensor);
    const [a, b] = [plain, scored].map(({ loss, surrogate = loss }) =>
      compute(gradients(surrogate, decoder)[0], values),
    );
    b.forEach((value, i) => {
      expect(value).toBeCloseTo(a[i], 12);
    });
  });
});

describe('a plain autoencoder', () => {
  const vae = new Vae({ ...config, posterior: 'point', likelihood: 'squared-error' });
  const values = valuesOf(vae);

  it('has the squared error for its loss, and encodes to the latents alone', () => {
    const found = autoencoder(vae, x, epsilon(1));
    const code = vae.encode(x, 'evaluation').centre;
    expect(code.shape).toEqual([2, 2]);
    const picture = compute(vae.decode(code, 'evaluation').mean, values);
    const error = compute(x).reduce((sum, value, i) => sum + (value - picture[i]) ** 2, 0);
    expect(compute(found.loss, values)[0]).toBeCloseTo(error / 2, 12);
    expect([...compute(found.kl, values)]).toEqual([0, 0]);
  });

  it('tells apart what it sees from what it is to make of it', () => {
    const black = constant(0).broadcastTo(x.shape);
    const loss = (seen: Tensor) => compute(autoencoder(vae, x, epsilon(1), { seen }).loss, values)[0];
    expect(loss(x)).not.toBeCloseTo(loss(black), 6);
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

  const exact: LatentVariableModel = {
    prior: standardNormalPrior(1),
    encode: () => {
      const at = (value: number) => constant(value).broadcastTo([1, 1]);
      return normalPosterior(new Normal(at(posteriorMean), at(Math.log(v)), at(Math.sqrt(v))));
    },
    decode: (z: Tensor) =>
      new Normal(z.mul(constant(Float64Array.from(w), [2])), constant(2 * Math.log(sigma)), constant(sigma)),
  };

  it('has the log weight log p(x) for every z', () => {
    const image = constant(Float64Array.from(observed), [1, 2]);
    const logW = compute(logWeights(exact, image, noise('posterior', { kind: 'standardNormal' }, [50, 1, 1])));
    for (const value of logW) expect(value).toBeCloseTo(logEvidence, 10);
  });
});
