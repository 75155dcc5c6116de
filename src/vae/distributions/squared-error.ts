/** Minus the squared error in the place of a log density: what a plain autoencoder is trained by. It is no density. */

import type { Tensor } from '../../tensor/tensor.ts';
import type { Distribution } from './distribution.ts';

export class SquaredError implements Distribution {
  readonly mean: Tensor;

  constructor(mean: Tensor) {
    this.mean = mean;
  }

  /** −(x − f)², elementwise: up to a factor and a constant the log density of a normal of any fixed variance. */
  logProb(x: Tensor): Tensor {
    return x.sub(this.mean).square().neg();
  }
}
