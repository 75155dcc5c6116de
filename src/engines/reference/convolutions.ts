/** The three convolutions, one loop nest: each sums the same products x·filter·y over what its result does not index. */

import type { Attributes, NumericArray } from '../../tensor/primitives.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';

interface Geometry {
  /** [N, C, H, W] */
  readonly x: Shape;
  /** [O, C, KH, KW] */
  readonly filter: Shape;
  /** [N, O, H′, W′] */
  readonly y: Shape;
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

/** Visits every product of the convolution: the offsets of its factors in x, filter and y. */
function forEachProduct(
  { x, filter, y, stride, padding }: Geometry,
  visit: (x: number, filter: number, y: number) => void,
): void {
  const [batch, outputs, rows, columns] = y;
  const [, channels, kernelRows, kernelColumns] = filter;
  const [, , height, width] = x;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outputs; o++) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const atY = ((n * outputs + o) * rows + row) * columns + column;
          for (let i = 0; i < kernelRows; i++) {
            const imageRow = row * stride[0] + i - padding[0];
            if (imageRow < 0 || imageRow >= height) continue;
            for (let j = 0; j < kernelColumns; j++) {
              const imageColumn = column * stride[1] + j - padding[1];
              if (imageColumn < 0 || imageColumn >= width) continue;
              for (let c = 0; c < channels; c++) {
                const atX = ((n * channels + c) * height + imageRow) * width + imageColumn;
                const atFilter = ((o * channels + c) * kernelRows + i) * kernelColumns + j;
                visit(atX, atFilter, atY);
              }
            }
          }
        }
      }
    }
  }
}

export function convolve([x, filter]: readonly NumericArray[], node: Tensor, window: Attributes['convolve']) {
  const out = new Float64Array(node.size);
  const [image, weights] = node.inputs;
  forEachProduct({ x: image.shape, filter: weights.shape, y: node.shape, ...window }, (atX, atFilter, atY) => {
    out[atY] += x[atX] * filter[atFilter];
  });
  return out;
}

export function convolveTransposed(
  [y, filter]: readonly NumericArray[],
  node: Tensor,
  window: Attributes['convolveTransposed'],
) {
  const out = new Float64Array(node.size);
  const [image, weights] = node.inputs;
  forEachProduct({ x: node.shape, filter: weights.shape, y: image.shape, ...window }, (atX, atFilter, atY) => {
    out[atX] += y[atY] * filter[atFilter];
  });
  return out;
}

export function convolveFilter([x, y]: readonly NumericArray[], node: Tensor, window: Attributes['convolveFilter']) {
  const out = new Float64Array(node.size);
  const [image, output] = node.inputs;
  forEachProduct({ x: image.shape, filter: node.shape, y: output.shape, ...window }, (atX, atFilter, atY) => {
    out[atFilter] += x[atX] * y[atY];
  });
  return out;
}
