/** What the model needs of a probability distribution over images. Densities are in nats. */

import type { Tensor } from '../../tensor/tensor.ts';

export interface Distribution {
  /** The expectation, [..., D]; of an image's likelihood, the picture to draw, in the data's range. */
  readonly mean: Tensor;
  /** log p(x) of each independent part of x [..., D]: sum over the last axis for the log density of one example. */
  logProb(x: Tensor): Tensor;
}
