/** Images with any axes before [C, H, W], as the four axes that a convolution takes. */

import { formatShape, ShapeError, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** [C, H, W] */
export type ImageShape = readonly [number, number, number];

/** Applies a function of images [N, C, H, W] to x [..., C, H, W]; the result has the same axes before its last three. */
export function overImages(x: Tensor, f: (images: Tensor) => Tensor): Tensor {
  if (x.rank === 4) return f(x);
  const leading = x.shape.slice(0, -3);
  const y = f(x.reshape(sizeOf(leading), ...x.shape.slice(-3)));
  return y.reshape(...leading, ...y.shape.slice(1));
}

/**
 * Checks that x is [..., channels, H, W]. `layer` is what a message calls the layer.
 * @throws ShapeError where it is not.
 */
export function expectChannels(x: Tensor, channels: number, layer: string): void {
  if (x.rank < 3 || x.shape.at(-3) !== channels) {
    const got = formatShape(x.shape);
    const remedy = x.rank < 3 ? '; unflatten the pixels first' : '';
    throw new ShapeError(`${layer}: expected input [..., ${channels}, H, W], got ${got}${remedy}`);
  }
}
