/** Index tables of convolutions: which positions of an image each window reads. It knows no tensors. */

import type { Pair } from '../../tensor/primitives.ts';

/** Where a window stands: one axis of the image, of the kernel, of the output. */
export interface Geometry {
  /** Sides of the large image, which `convolve` reads and `convolveTransposed` gives. */
  readonly image: Pair;
  readonly kernel: Pair;
  /** Sides of the small image, one position per window. */
  readonly windows: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
}

/** Both axes by one formula. */
const pair = (formula: (axis: 0 | 1) => number): Pair => [formula(0), formula(1)];

/** Rows by columns, each row-major over [...outer, ...inner]: positions in an image of `sides`, its size if outside. */
function positions(
  outer: Pair,
  inner: Pair,
  sides: Pair,
  at: (outer: number, inner: number, axis: 0 | 1) => number,
): Int32Array {
  const table = new Int32Array(outer[0] * outer[1] * inner[0] * inner[1]);
  const outside = sides[0] * sides[1];
  let next = 0;
  for (let row = 0; row < outer[0]; row++) {
    for (let column = 0; column < outer[1]; column++) {
      for (let i = 0; i < inner[0]; i++) {
        const y = at(row, i, 0);
        for (let j = 0; j < inner[1]; j++) {
          const x = at(column, j, 1);
          table[next++] = y >= 0 && y < sides[0] && x >= 0 && x < sides[1] ? y * sides[1] + x : outside;
        }
      }
    }
  }
  return table;
}

/** The pixels under each window: [H′, W′, KH, KW] into H·W. */
export const pixelsOfWindows = ({ image, kernel, windows, stride, padding }: Geometry): Int32Array =>
  positions(windows, kernel, image, (window, tap, axis) => window * stride[axis] + tap - padding[axis]);

/**
 * The large image cut into cells of stride × stride pixels, counted from the padding's first pixel. A window begins
 * where a cell begins, and covers `taps` cells along each axis.
 */
export interface Cells {
  /** The first cell with a pixel of the image. */
  readonly first: Pair;
  /** Cells along each axis, from the first to the last with a pixel of the image. */
  readonly count: Pair;
  /** ⌈kernel / stride⌉ */
  readonly taps: Pair;
}

export const cellsOf = ({ image, kernel, stride, padding }: Geometry): Cells => {
  const first = pair((axis) => Math.floor(padding[axis] / stride[axis]));
  return {
    first,
    count: pair((axis) => Math.floor((padding[axis] + image[axis] - 1) / stride[axis]) + 1 - first[axis]),
    taps: pair((axis) => Math.ceil(kernel[axis] / stride[axis])),
  };
};

/** The windows that cover each cell, nearest first: [QH, QW, TH, TW] into H′·W′. */
export const windowsOfCells = ({ windows }: Geometry, { first, count, taps }: Cells): Int32Array =>
  positions(count, taps, windows, (cell, tap, axis) => first[axis] + cell - tap);

/** The windows whose tap is at each pixel, at a stride of 1: [H, W, KH, KW] into H′·W′. */
export const windowsOfPixels = ({ image, kernel, windows, padding }: Geometry): Int32Array =>
  positions(image, kernel, windows, (pixel, tap, axis) => pixel + padding[axis] - tap);

/** The pixels of each cell: [QH, QW, SH, SW] into H·W. */
export const pixelsOfCells = ({ image, stride, padding }: Geometry, { first, count }: Cells): Int32Array =>
  positions(count, stride, image, (cell, pixel, axis) => (first[axis] + cell) * stride[axis] + pixel - padding[axis]);

/** The cells under each window: [H′, W′, TH, TW] into QH·QW. */
export const cellsOfWindows = ({ windows }: Geometry, { first, count, taps }: Cells): Int32Array =>
  positions(windows, taps, count, (window, tap, axis) => window + tap - first[axis]);

/** The place of each pixel among the cells: [H, W] into QH·QW·SH·SW. */
export function placesOfPixels({ image, stride, padding }: Geometry, { first, count }: Cells): Int32Array {
  const table = new Int32Array(image[0] * image[1]);
  let next = 0;
  for (let y = padding[0]; y < padding[0] + image[0]; y++) {
    for (let x = padding[1]; x < padding[1] + image[1]; x++) {
      const row = Math.floor(y / stride[0]) - first[0];
      const column = Math.floor(x / stride[1]) - first[1];
      const cell = row * count[1] + column;
      table[next++] = (cell * stride[0] + (y % stride[0])) * stride[1] + (x % stride[1]);
    }
  }
  return table;
}
