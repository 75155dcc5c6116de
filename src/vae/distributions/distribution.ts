/** What the model needs of a probability distribution. Densities are elementwise, in nats. */

import type { Tensor } from '../../tensor/tensor.ts';

export interface Distribution {
  /** The expectation; of an image's likelihood, the picture to draw, in the data's range. */
  readonly mean: Tensor;
  /** log p(x), elementwise: sum over the axes of one example for its log density. */
  logProb(x: Tensor): Tensor;
}
