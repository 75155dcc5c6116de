/** Positions in tensors as C expressions of `int`: one number, row-major, or one number an axis. */

import { type Shape, sameShape, sizeOf, stridesOf } from '../../tensor/shape.ts';

/** Gives an expression a name in the kernel, and the same name to the same expression again. */
export type Define = (expression: string) => string;

export interface Position {
  readonly shape: Shape;
  readonly linear: (define: Define) => string;
  readonly axes: (define: Define) => readonly string[];
  /** Equal for equal positions. */
  readonly key: string;
}

const isNumber = (text: string): boolean => /^\d+$/.test(text);

export function plus(a: string, b: string | number): string {
  const right = String(b);
  if (right === '0') return a;
  if (a === '0') return right;
  return isNumber(a) && isNumber(right) ? String(Number(a) + Number(right)) : `${a} + ${right}`;
}

function times(a: string, factor: number): string {
  if (factor === 1 || a === '0') return a;
  return isNumber(a) ? String(Number(a) * factor) : `${a} * ${factor}`;
}

const over = (a: string, divisor: number): string => (divisor === 1 ? a : `${a} / ${divisor}`);

/** The coordinates of row-major position `linear`. */
function coordinates(linear: string, shape: Shape, define: Define): string[] {
  const strides = stridesOf(shape);
  const outermost = shape.findIndex((size) => size !== 1);
  return shape.map((size, axis) => {
    if (size === 1) return '0';
    const quotient = over(linear, strides[axis]);
    return define(axis === outermost ? quotient : `${quotient} % ${size}`);
  });
}

export const atLinear = (shape: Shape, linear: string): Position => ({
  shape,
  linear: () => linear,
  axes: (define) => coordinates(linear, shape, define),
  key: `[${linear}]`,
});

export function atAxes(shape: Shape, axes: readonly string[]): Position {
  const strides = stridesOf(shape);
  return {
    shape,
    linear: (define) => {
      const terms = axes.map((axis, i) => (shape[i] === 1 ? '0' : times(axis, strides[i])));
      return define(terms.reduce((sum, term) => (term === '0' ? sum : plus(sum, term)), '0'));
    },
    axes: () => axes,
    key: `(${axes.join(', ')})`,
  };
}

/** The position with the same number in another shape of the same size. */
export function reshaped(position: Position, shape: Shape, define: Define): Position {
  if (sameShape(position.shape, shape)) return position;
  const linear = position.linear(define);
  const isLong = (size: number): boolean => size !== 1;
  if (!sameShape(position.shape.filter(isLong), shape.filter(isLong))) return atLinear(shape, linear);
  // Only axes of size 1 come or go.
  const axes = (inner: Define): string[] => {
    const long = position.axes(inner).filter((_, axis) => position.shape[axis] !== 1);
    return shape.map((size) => (size === 1 ? '0' : long.shift()!));
  };
  return { ...atLinear(shape, linear), axes };
}

/** What an operand of `shape` that is repeated to the position's shape is read at. */
export function repeated(position: Position, shape: Shape, define: Define): Position {
  const size = sizeOf(shape);
  if (size === sizeOf(position.shape)) return reshaped(position, shape, define);
  if (size === 1) return atLinear(shape, '0');
  const offset = position.shape.length - shape.length;
  const axes = position.axes(define);
  return atAxes(
    shape,
    shape.map((n, axis) => (n === 1 ? '0' : axes[axis + offset])),
  );
}
