import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/tensor/gradients.ts';
import { argument, constant } from '../../src/tensor/tensor.ts';
import { Bernoulli } from '../../src/vae/distributions/bernoulli.ts';
import { ContinuousBernoulli } from '../../src/vae/distributions/continuous-bernoulli.ts';
import { DiscretisedLogistic, LogisticMixture } from '../../src/vae/distributions/discretised-logistic.ts';
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

describe('the continuous Bernoulli distribution', () => {
  for (const logit of [-30, -3, -0.4, -1e-3, 0, 1e-6, 0.09, 0.11, 0.6, 8]) {
    const p = new ContinuousBernoulli(constant(logit));
    it(`with logit ${logit} integrates to 1 over [0, 1] and has its mean there`, () => {
      expect(integrate((x) => p.logProb(x).exp(), 0, 1)).toBeCloseTo(1, 8);
      expect(compute(p.mean)[0]).toBeCloseTo(
        integrate((x) => x.mul(p.logProb(x).exp()), 0, 1),
        8,
      );
    });
  }

  it('is finite at logits of ±200, with finite derivatives everywhere', () => {
    const logits = argument('logits', [5]);
    const value = new ContinuousBernoulli(logits).logProb(constant(0.3)).sum();
    const given = { logits: Float64Array.of(-200, -0.2, 0, 0.2, 200) };
    expect(compute(value, given).every(Number.isFinite)).toBe(true);
    expect(compute(gradients(value, [logits])[0], given).every(Number.isFinite)).toBe(true);
  });
});

/** The 256 grey levels on a scale. */
const levels = (low: number, high: number) =>
  Float64Array.from({ length: 256 }, (_, byte) => low + ((high - low) * byte) / 255);
const RANGES = [
  { low: 0, high: 1 },
  { low: -1, high: 1 },
];
const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

describe('the discretised logistic distribution', () => {
  for (const range of RANGES) {
    for (const [mean, logScale] of [
      [0, -1],
      [0.3, -4],
      [-1.2, -2],
      [0.999, -7],
      [0.1, -30],
      [0, 3],
    ]) {
      it(`with mean ${mean} and log scale ${logScale} has 256 probabilities that add up to 1, from ${range.low}`, () => {
        const p = new DiscretisedLogistic(constant(mean), constant(logScale), range);
        const values = constant(levels(range.low, range.high), [256]);
        expect(total(compute(p.logProb(values).exp()))).toBeCloseTo(1, 9);
      });
    }

    it(`draws its mean on the pixels' own scale, from ${range.low}`, () => {
      const p = new DiscretisedLogistic(vector(-1, 0, 1), constant(-3), range);
      expect([...compute(p.mean)]).toEqual([range.low, (range.low + range.high) / 2, range.high]);
    });
  }

  it('is the difference of two cumulative distributions', () => {
    const [mean, scale, u, half] = [0.2, 0.3, 101 / 127.5 - 1, 1 / 255];
    const cumulative = (x: number) => 1 / (1 + Math.exp(-(x - mean) / scale));
    const expected = Math.log(cumulative(u + half) - cumulative(u - half));
    const p = new DiscretisedLogistic(constant(mean), constant(Math.log(scale)), { low: -1, high: 1 });
    expect(compute(p.logProb(constant(u)))[0]).toBeCloseTo(expected, 9);
  });

  it('is finite, with finite derivatives, however wrong it is', () => {
    const [mean, logScale] = [argument('mean', [4]), argument('logScale', [4])];
    const p = new DiscretisedLogistic(mean, logScale, { low: 0, high: 1 });
    const given = { mean: Float64Array.of(-50, 50, 0, 1), logScale: Float64Array.of(-7, -9, 20, -200) };
    const value = p.logProb(vector(1, 0, 0.5, 0.5)).sum();
    expect(compute(value, given).every(Number.isFinite)).toBe(true);
    for (const derivative of gradients(value, [mean, logScale])) {
      expect(compute(derivative, given).every(Number.isFinite)).toBe(true);
    }
  });
});

describe('the mixture of discretised logistics', () => {
  const outputsOf = (count: number) =>
    Float64Array.from({ length: count }, (_, i) => 1.5 * Math.sin(3 * i + 1) - (i % 5 === 4 ? 1 : 0));

  it('gives the 256 levels of a grey pixel probabilities that add up to 1', () => {
    const outputs = constant(outputsOf(9), [1, 9]).broadcastTo([256, 9]);
    const p = new LogisticMixture(outputs, 1, 1, 3, { low: 0, high: 1 });
    expect(total(compute(p.logProb(constant(levels(0, 1), [256, 1])).exp()))).toBeCloseTo(1, 9);
  });

  it("makes a colour's last channel depend on those before", () => {
    const perPlace = LogisticMixture.valuesPerPlace(3, 2);
    expect(perPlace).toBe(2 * (1 + 3 + 3 + 3));
    const outputs = constant(outputsOf(perPlace), [1, perPlace]).broadcastTo([256, perPlace]);
    const p = new LogisticMixture(outputs, 3, 1, 2, { low: -1, high: 1 });
    const jointWith = (red: number) => {
      const pixels = new Float64Array(3 * 256);
      levels(-1, 1).forEach((blue, i) => {
        pixels.set([red, 0.2, blue], 3 * i);
      });
      return compute(p.logProb(constant(pixels, [256, 3])).exp());
    };
    const [low, high] = [jointWith(-0.4), jointWith(0.6)];
    const average = (joint: Float64Array) => total(joint.map((q, i) => q * levels(-1, 1)[i])) / total(joint);
    expect(Math.abs(average(low) - average(high))).toBeGreaterThan(1e-3);
  });

  it('gives all pairs of two channels probabilities that add up to 1', () => {
    const perPlace = LogisticMixture.valuesPerPlace(2, 2);
    const outputs = constant(outputsOf(perPlace), [1, perPlace]).broadcastTo([65536, perPlace]);
    const p = new LogisticMixture(outputs, 2, 1, 2, { low: 0, high: 1 });
    const pixels = new Float64Array(2 * 65536);
    const all = levels(0, 1);
    for (let i = 0; i < 65536; i++) pixels.set([all[i >> 8], all[i & 255]], 2 * i);
    expect(total(compute(p.logProb(constant(pixels, [65536, 2])).exp()))).toBeCloseTo(1, 9);
  });

  it('with one component of one channel is the discretised logistic', () => {
    const range = { low: 0, high: 1 };
    const mixture = new LogisticMixture(vector(0.7, 0.2, -2).reshape(1, 3), 1, 1, 1, range);
    const single = new DiscretisedLogistic(constant(0.2), constant(-2), range);
    const x = constant(Float64Array.of(0.4), [1, 1]);
    expect(compute(mixture.logProb(x))[0]).toBeCloseTo(compute(single.logProb(x))[0], 12);
    expect(compute(mixture.mean)[0]).toBeCloseTo(compute(single.mean)[0], 12);
  });
});
