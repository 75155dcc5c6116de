/** What a normalising flow is: an invertible map of latents whose volume change is known. */

import type { Parameter } from '../../nn/parameter.ts';
import { constant, type Tensor } from '../../tensor/tensor.ts';

export interface Flow {
  readonly parameters: readonly Parameter[];
  /** Values that the encoder gives it for each image; none of a flow that all images share. */
  readonly contextSize: number;
  /**
   * z [S, B, L] and the image's context [B, contextSize] → z′ [S, B, L] and log |det ∂z′/∂z| [S, B], in nats.
   */
  apply(z: Tensor, context: Tensor): { readonly z: Tensor; readonly logDet: Tensor };
}

export interface FlowConfig {
  readonly latent: number;
  readonly steps: number;
  /** Hidden units of an autoregressive network. */
  readonly hidden: number;
  /** Values that the encoder gives each image's autoregressive networks. */
  readonly context: number;
}

/** Flows one after another, as one; all see the same context. */
export const inSequence = (steps: readonly Flow[]): Flow => ({
  parameters: steps.flatMap(({ parameters }) => parameters),
  contextSize: steps[0].contextSize,
  apply: (z, context) => {
    let [at, total] = [z, constant(0)];
    for (const step of steps) {
      const moved = step.apply(at, context);
      at = moved.z;
      total = total.add(moved.logDet);
    }
    return { z: at, logDet: total };
  },
});
