/** The residual block. */

import { type ActivationName, activation } from './activations.ts';
import { convolution, transposedConvolution } from './convolution.ts';
import { type LayerBuilder, printModule, sequential } from './layer.ts';
import { channelNorm } from './normalisation.ts';
import type { InitializerName } from './parameter.ts';
import { averagePool, upsample } from './pooling.ts';

export interface ResidualOptions {
  /** What becomes of the sides. They stay as they are by default. */
  readonly resize?: 'halve' | 'double';
  /** relu by default. */
  readonly activation?: ActivationName;
  readonly initializer?: InitializerName;
}

/**
 * A pre-activation bottleneck: He et al. (2016), figure 4e, with layer in place of batch normalisation:
 *   y = skip(x) + body(x): [..., inputs, H, W] → [..., outputs, H′, W′],
 * where the body narrows to a quarter of the outputs, looks around with 3 × 3 pixels (doubling: 4 × 4 transposed), and
 * widens again. The skip is the identity as far as channels and sides allow, else the mean of 2 × 2 pixels or the nearest
 * neighbour, and a 1 × 1 convolution on the smaller of the two images, where it costs least.
 * @throws ShapeError where the channels of x are not `inputs`, or a side to halve is odd.
 */
export const residualBlock =
  (inputs: number, outputs: number, options: ResidualOptions = {}): LayerBuilder =>
  (name) => {
    const { resize, activation: kind = 'relu', initializer = 'pytorch' } = options;
    const width = Math.ceil(outputs / 4);
    const active = (channels: number) => [channelNorm(channels), activation(kind)];
    const pointwise = (from: number, to: number) => convolution(from, to, { kernel: 1, initializer });
    const spatial =
      resize === 'double'
        ? transposedConvolution(width, width, { kernel: 4, stride: 2, padding: 1, initializer })
        : convolution(width, width, { kernel: 3, stride: resize === 'halve' ? 2 : 1, padding: 1, initializer });

    const body = sequential(`${name}.body`, [
      ...active(inputs),
      pointwise(inputs, width),
      ...active(width),
      spatial,
      ...active(width),
      pointwise(width, outputs),
    ]);
    const skip = sequential(`${name}.skip`, [
      ...(resize === 'halve' ? [averagePool] : []),
      ...(inputs === outputs ? [] : [pointwise(inputs, outputs)]),
      ...(resize === 'double' ? [upsample] : []),
    ]);
    return {
      parameters: [...body.parameters, ...skip.parameters],
      pytorch: printModule('ResidualBlock', { body, skip }),
      apply: (x, mode) => skip.apply(x, mode).add(body.apply(x, mode)),
    };
  };
