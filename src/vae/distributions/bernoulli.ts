/** The Bernoulli distribution, from logits. */

import type { Tensor } from '../../tensor/tensor.ts';
import type { Distribution } from './distribution.ts';

export class Bernoulli implements Distribution {
  /** log p / (1 − p): any real number. */
  readonly logits: Tensor;

  constructor(logits: Tensor) {
    this.logits = logits;
  }

  get mean(): Tensor {
    return this.logits.sigmoid();
  }

  /**
   * x log σ(l) + (1 − x) log(1 − σ(l)) = x·l − log(1 + eˡ), elementwise, in nats; finite for every finite l.
   * For x strictly between 0 and 1 this is minus the cross-entropy, which is no density of x.
   */
  logProb(x: Tensor): Tensor {
    return x.mul(this.logits).sub(this.logits.softplus());
  }
}
