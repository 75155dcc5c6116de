/** How filters lie in memory where images have their channels last: [O, C, KH, KW] of a program as [O, KH, KW, C]. */

import { type Shape, sizeOf } from '../../tensor/shape.ts';

/** Only filters have four axes. */
export const isHeldLast = (shape: Shape): boolean => shape.length === 4;

/** A parameter's values from the order in which a program has them, `shape`, to that in which they lie. */
export function asInMemory(values: ArrayLike<number>, shape: Shape): ArrayLike<number> {
  if (!isHeldLast(shape)) return values;
  const [outputs, channels, ...kernel] = shape;
  return swapped(values, [outputs, channels, sizeOf(kernel)]);
}

/** A copy of a parameter's values in the order in which a program has them, from that in which they lie. */
export function asInProgram(values: Float32Array, shape: Shape): Float32Array {
  if (!isHeldLast(shape)) return values.slice();
  const [outputs, channels, ...kernel] = shape;
  return swapped(values, [outputs, sizeOf(kernel), channels]);
}

/** [N, R, C] → [N, C, R] */
function swapped(
  values: ArrayLike<number>,
  [count, rows, columns]: readonly [number, number, number],
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  let next = 0;
  for (let i = 0; i < count; i++) {
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) result[next++] = values[(i * rows + row) * columns + column];
    }
  }
  return result;
}
