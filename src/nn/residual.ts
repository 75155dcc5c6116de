/** Residual blocks. */

import { type ActivationName, activation } from './activations.ts';
import { convolution, transposedConvolution } from './convolution.ts';
import { dropout } from './dropout.ts';
import { type LayerBuilder, printModule, sequential } from './layer.ts';
import { channelNorm } from './normalisation.ts';
import { atZero, type InitializerName } from './parameter.ts';
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

export interface LightBlockOptions {
  readonly activation: ActivationName;
  readonly initializer: InitializerName;
  /** Share of the values before the last convolution that is dropped in training. None by default. */
  readonly dropout?: number;
  /** Whether the last convolution has a gate: van den Oord et al. (2016), eq. 2, without its tanh. */
  readonly gated?: boolean;
}

/**
 * The block of van den Oord et al. (2017), section 4.1, which needs no normalisation because it begins as the identity:
 *   y = x + W₂ a(W₁ a(x)), or gated y = x + u ⊙ σ(v) with (u, v) = W₂ a(W₁ a(x)): [..., C, H, W] → [..., C, H, W],
 * with 3 × 3 pixels in W₁ and one in W₂, whose first values are zero.
 * @throws ShapeError where x has another number of channels.
 */
export const lightBlock =
  (channels: number, options: LightBlockOptions): LayerBuilder =>
  (name) => {
    const { activation: kind, initializer, dropout: rate = 0, gated = false } = options;
    const body = sequential(`${name}.body`, [
      activation(kind),
      convolution(channels, channels, { kernel: 3, padding: 1, initializer }),
      activation(kind),
      ...(rate > 0 ? [dropout(rate)] : []),
      convolution(channels, gated ? 2 * channels : channels, { kernel: 1, initializer: atZero }),
    ]);
    return {
      parameters: body.parameters,
      pytorch: printModule(gated ? 'GatedResidualBlock' : 'LightResidualBlock', { body }),
      apply: (x, mode) => {
        const y = body.apply(x, mode);
        if (!gated) return x.add(y);
        const [value, gate] = y.split(2, -3);
        return x.add(value.mul(gate.sigmoid()));
      },
    };
  };
