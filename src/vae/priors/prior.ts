/** What a prior p(z) is. */

import type { Parameter } from '../../nn/parameter.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Normal } from '../distributions/normal.ts';

export interface Prior {
  /** Learnt together with the model; none of a fixed prior. */
  readonly parameters: readonly Parameter[];
  /** log p(z) for z [S, B, L]: [S, B], in nats. */
  logProb(z: Tensor): Tensor;
  /** Standard normal values that one draw takes. */
  readonly noiseSize: number;
  /** Draws from noise ε ~ N(0, I), [N, noiseSize] → [N, L]. */
  sample(noise: Tensor): Tensor;
  /** KL(q ‖ p) of each latent of a diagonal normal q, [B, L], in nats; undefined where it has no closed form. */
  klFrom(posterior: Normal): Tensor | undefined;
}
