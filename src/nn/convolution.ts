/** Convolutions over images [..., C, H, W], with square kernels and PyTorch's names, layout and first values. */

import type { Pair } from '../tensor/primitives.ts';
import { formatShape, type Shape, ShapeError, windowCount } from '../tensor/shape.ts';
import { expectChannels, overImages } from './images.ts';
import type { LayerBuilder } from './layer.ts';
import { createParameter, type FirstValues, firstValues, type InitializerName } from './parameter.ts';

export interface ConvolutionOptions {
  /** Side of the kernel, in pixels. */
  readonly kernel: number;
  /** Pixels from one position of the kernel to the next. 1 by default. */
  readonly stride?: number;
  /** Zeros on every side of the image. None by default. */
  readonly padding?: number;
  readonly initializer?: InitializerName | FirstValues;
}

export interface TransposedConvolutionOptions extends ConvolutionOptions {
  /** [H, W] to reach, of the `stride` sizes that one input can come from. The smallest of them by default. */
  readonly size?: Pair;
}

/**
 * y = x ⋆ W + b: [..., inputs, H, W] → [..., outputs, H′, W′] with W [outputs, inputs, kernel, kernel] and
 *   H′ = ⌊(H + 2·padding − kernel) / stride⌋ + 1.
 * @throws ShapeError where the channels of x are not `inputs`, or the padded image is smaller than the kernel.
 */
export const convolution =
  (inputs: number, outputs: number, options: ConvolutionOptions): LayerBuilder =>
  (name) => {
    const { kernel, stride = 1, padding = 0 } = options;
    const { weight, bias } = parametersOf(name, [outputs, inputs, kernel, kernel], outputs, options);
    return {
      parameters: [weight, bias],
      pytorch: `Conv2d(${inputs}, ${outputs}, ${printWindow(options)})`,
      apply: (x) => {
        const layer = `convolution "${name}"`;
        expectChannels(x, inputs, layer);
        const [height, width] = x.shape.slice(-2);
        if (Math.min(height, width) + 2 * padding < kernel) {
          throw new ShapeError(
            `${layer}: a kernel of ${kernel} × ${kernel} does not fit images of ${height} × ${width} padded by ${padding}`,
          );
        }
        const window = { stride: [stride, stride], padding: [padding, padding] } as const;
        return overImages(x, (images) =>
          images.convolve(weight.tensor, window).add(bias.tensor.reshape(outputs, 1, 1)),
        );
      },
    };
  };

/**
 * The adjoint of a convolution, which leads back to the size that it came from:
 * [..., inputs, H′, W′] → [..., outputs, H, W] with W [inputs, outputs, kernel, kernel].
 * Its first values follow PyTorch, which takes the fan-in of a weight from its second axis: here the outputs.
 * @throws ShapeError where the channels of x are not `inputs`, or its sides are not those that `size` is reached from.
 */
export const transposedConvolution =
  (inputs: number, outputs: number, options: TransposedConvolutionOptions): LayerBuilder =>
  (name) => {
    const { kernel, stride = 1, padding = 0, size } = options;
    const { weight, bias } = parametersOf(name, [inputs, outputs, kernel, kernel], outputs, options);
    // What the stride leaves open: PyTorch counts it from the least size.
    const rest = (size ?? []).map((side) => (side + 2 * padding - kernel) % stride);
    const printedRest = rest.some((n) => n > 0) ? `, output_padding=(${rest.join(', ')})` : '';
    const least = (side: number): number => (side - 1) * stride - 2 * padding + kernel;
    return {
      parameters: [weight, bias],
      pytorch: `ConvTranspose2d(${inputs}, ${outputs}, ${printWindow(options)}${printedRest})`,
      apply: (y) => {
        const layer = `transposed convolution "${name}"`;
        expectChannels(y, inputs, layer);
        const sides = y.shape.slice(-2);
        const reached: Pair = size ?? [least(sides[0]), least(sides[1])];
        const from = reached.map((side) => windowCount(side, kernel, stride, padding));
        if (from.some((side, i) => side !== sides[i])) {
          const expected = `[..., ${inputs}, ${from.join(', ')}] to reach ${reached.join(' × ')}`;
          throw new ShapeError(`${layer}: expected input ${expected}, got ${formatShape(y.shape)}`);
        }
        const window = { stride: [stride, stride], padding: [padding, padding] } as const;
        return overImages(y, (images) =>
          images.convolveTransposed(weight.tensor, reached, window).add(bias.tensor.reshape(outputs, 1, 1)),
        );
      },
    };
  };

/** Fans as torch.nn.init counts them: fan-in from the weight's second axis, fan-out from its first. */
function parametersOf(name: string, shape: Shape, outputs: number, options: ConvolutionOptions) {
  const begin = firstValues(options.initializer);
  const taps = options.kernel ** 2;
  const fans = [shape[1] * taps, shape[0] * taps] as const;
  return {
    weight: createParameter(`${name}.weight`, shape, begin.weight, fans),
    bias: createParameter(`${name}.bias`, [outputs], begin.bias, fans),
  };
}

function printWindow({ kernel, stride = 1, padding = 0 }: ConvolutionOptions): string {
  const pair = (n: number): string => `(${n}, ${n})`;
  const printedPadding = padding === 0 ? '' : `, padding=${pair(padding)}`;
  return `kernel_size=${pair(kernel)}, stride=${pair(stride)}${printedPadding}`;
}
