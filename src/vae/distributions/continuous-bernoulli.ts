/** The continuous Bernoulli distribution on [0, 1], from logits: Loaiza-Ganem & Cunningham (2019). */

import { constant, type Tensor } from '../../tensor/tensor.ts';
import type { Distribution } from './distribution.ts';
import { logSinhc } from './stable.ts';

/** Logits nearer to zero than this have their mean from its series. */
const NEAR_ZERO = 0.1;

export class ContinuousBernoulli implements Distribution {
  /** log λ / (1 − λ): any real number. */
  readonly logits: Tensor;

  constructor(logits: Tensor) {
    this.logits = logits;
  }

  /** 1 / (1 − e^−l) − 1 / l, which is ½ + l/12 − l³/720 near zero. */
  get mean(): Tensor {
    const near = this.logits.abs().less(NEAR_ZERO);
    const l = near.where(1, this.logits);
    const direct = l.neg().exp().neg().add(1);
    const series = this.logits
      .mul(
        this.logits
          .square()
          .mul(-1 / 720)
          .add(1 / 12),
      )
      .add(0.5);
    return near.where(series, constant(1).div(direct).sub(constant(1).div(l)));
  }

  /**
   * The Bernoulli's xl − log(1 + eˡ) normalised over [0, 1]: log p(x) = xl − log ∫₀¹ e^tl dt
   *   = xl − l/2 − log(sinh(l/2) / (l/2)), elementwise, in nats.
   */
  logProb(x: Tensor): Tensor {
    const half = this.logits.mul(0.5);
    return x.mul(this.logits).sub(half).sub(logSinhc(half));
  }
}
