/** The diagonal normal distribution. */

import { noise, type Tensor } from '../../tensor/tensor.ts';
import type { Distribution } from './distribution.ts';

const LOG_2PI = Math.log(2 * Math.PI);

/** Smallest standard deviation of the softplus parametrisation. */
const SMALLEST_STDDEV = 1e-6;

/** How a network's unbounded outputs are read as a scale. */
export const scaleParametrisations = {
  'log-variance': (mean, raw) => new Normal(mean, raw, raw.mul(0.5).exp()),
  'log-stddev': (mean, raw) => new Normal(mean, raw.mul(2), raw.exp()),
  /** σ = 10⁻⁶ + log(1 + eʳ) */
  softplus: (mean, raw) => {
    const stddev = raw.softplus().add(SMALLEST_STDDEV);
    return new Normal(mean, stddev.log().mul(2), stddev);
  },
} as const satisfies Record<string, (mean: Tensor, raw: Tensor) => Normal>;

export type ScaleParametrisation = keyof typeof scaleParametrisations;

/** The one that does not grow exponentially with the network's outputs, and so overflows last. */
export const SLOWEST_SCALE = 'softplus' satisfies ScaleParametrisation;

export class Normal implements Distribution {
  readonly mean: Tensor;
  readonly logVariance: Tensor;
  readonly stddev: Tensor;

  /** `logVariance` and `stddev` are two expressions of one scale; all three have one shape, or broadcast to it. */
  constructor(mean: Tensor, logVariance: Tensor, stddev: Tensor) {
    this.mean = mean;
    this.logVariance = logVariance;
    this.stddev = stddev;
  }

  /** μ + σ ⊙ ε with ε ~ N(0, I): the reparametrisation of Kingma & Welling (2014), section 2.4. ε may have axes before. */
  sample(epsilon: Tensor): Tensor {
    return this.mean.add(this.stddev.mul(epsilon));
  }

  /** log N(x; μ, σ²) = −½ [log 2π + log σ² + (x − μ)² / σ²], elementwise, in nats. */
  logProb(x: Tensor): Tensor {
    const scaledError = x.sub(this.mean).square().mul(this.logVariance.neg().exp());
    return scaledError.add(this.logVariance).add(LOG_2PI).mul(-0.5);
  }

  /** KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² − 1 − log σ²), elementwise, in nats: Kingma & Welling (2014), appendix B. */
  klFromStandardNormal(): Tensor {
    return this.mean.square().add(this.stddev.square()).sub(1).sub(this.logVariance).mul(0.5);
  }
}

/** log N(x; 0, 1), elementwise, in nats. */
export const standardNormalLogProb = (x: Tensor): Tensor => x.square().add(LOG_2PI).mul(-0.5);

/** ε ~ N(0, I) of a stream. */
export const standardNormalNoise = (stream: string, shape: readonly number[]): Tensor =>
  noise(stream, { kind: 'standardNormal' }, shape);
