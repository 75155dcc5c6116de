import { describe, expect, it } from 'vitest';
import { constant } from '../../src/tensor/tensor.ts';
import { Bernoulli } from '../../src/vae/distributions/bernoulli.ts';
import { scaleParametrisations, standardNormalLogProb } from '../../src/vae/distributions/normal.ts';
import { compute, integrate, vector } from './compute.ts';

const normal = (mean: number, raw: number, scale: keyof typeof scaleParametrisations = 'log-stddev') =>
  scaleParametrisations[scale](constant(mean), constant(raw));

describe('the normal distribution', () => {
  for (const [mean, logStddev] of [
    [0, 0],
    [1.5, -1],
    [-2, 0.7],
  ]) {
    const q = normal(mean, logStddev);
    const [from, to] = [mean - 12 * Math.exp(logStddev), mean + 12 * Math.exp(logStddev)];

    it(`N(${mean}, e^${2 * logStddev}) integrates to 1`, () => {
      expect(integrate((x) => q.logProb(x).exp(), from, to)).toBeCloseTo(1, 10);
    });
    it(`N(${mean}, e^${2 * logStddev}) has its KL to the prior in closed form`, () => {
      const byQuadrature = integrate(
        (x) =>
          q
            .logProb(x)
            .exp()
            .mul(q.logProb(x).sub(standardNormalLogProb(x))),
        from,
        to,
      );
      expect(compute(q.klFromStandardNormal())[0]).toBeCloseTo(byQuadrature, 9);
    });
  }

  it('has one scale in every parametrisation', () => {
    const stddev = {
      'log-variance': Math.exp(0.35),
      'log-stddev': Math.exp(0.7),
      softplus: 1e-6 + Math.log1p(Math.exp(0.7)),
    };
    for (const [name, expected] of Object.entries(stddev)) {
      const q = normal(0, 0.7, name as keyof typeof stddev);
      expect(compute(q.stddev)[0]).toBeCloseTo(expected, 12);
      expect(compute(q.logVariance)[0]).toBeCloseTo(2 * Math.log(expected), 12);
    }
  });

  it('samples its mean plus its standard deviation times the noise', () => {
    expect([...compute(normal(2, Math.log(3)).sample(vector(-1, 0, 2)))].map((x) => Number(x.toFixed(9)))).toEqual([
      -1, 2, 8,
    ]);
  });

  it('has no KL to itself', () => expect(compute(normal(0, 0).klFromStandardNormal())[0]).toBe(0));
});

describe('the Bernoulli distribution', () => {
  for (const logit of [-3, -0.1, 0, 2]) {
    it(`with logit ${logit} has probabilities that add up to 1`, () => {
      const [p0, p1] = compute(new Bernoulli(constant(logit)).logProb(vector(0, 1)).exp());
      expect(p0 + p1).toBeCloseTo(1, 12);
      expect(p1).toBeCloseTo(1 / (1 + Math.exp(-logit)), 12);
      expect(p1).toBeCloseTo(compute(new Bernoulli(constant(logit)).mean)[0], 12);
    });
  }

  it('is finite and exact at logits of ±200', () => {
    const expected = { 1: [-200, 0], 0: [0, -200], 0.5: [-100, -100] };
    for (const [x, values] of Object.entries(expected)) {
      compute(new Bernoulli(vector(-200, 200)).logProb(constant(Number(x)))).forEach((value, i) => {
        expect(value).toBeCloseTo(values[i], 12);
      });
    }
  });
});
