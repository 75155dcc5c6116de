/** Arithmetic on shapes: sizes, strides, broadcasting, axes, convolution windows. It knows no tensors. */

export type Shape = readonly number[];

/** A shape rule was broken while a program was being built. The message says where, what was expected, and what came. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => size === b[i]);

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** The shape that both broadcast to, by NumPy's rule: aligned at the last axis, sizes equal or 1. */
export function broadcastShapes(a: Shape, b: Shape, where: string): Shape {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const sizeA = a[a.length - i] ?? 1;
    const sizeB = b[b.length - i] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      throw new ShapeError(`${where}: ${formatShape(a)} and ${formatShape(b)} do not broadcast to one shape`);
    }
    result[rank - i] = sizeA === 1 ? sizeB : sizeA;
  }
  return result;
}

/** Strides with which a tensor of `shape` is read as if it had the shape `target`: 0 along every repeated axis. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const offset = target.length - shape.length;
  return target.map((_, axis) => (axis < offset || shape[axis - offset] === 1 ? 0 : strides[axis - offset]));
}

/** One axis, counted from the end where negative. */
export function resolveAxis(axis: number, rank: number, where: string): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new ShapeError(`${where}: axis ${axis} is out of range for ${rank} axes`);
  }
  return resolved;
}

/** Axes resolved, sorted, each once. */
export function resolveAxes(axes: readonly number[], rank: number, where: string): number[] {
  const resolved = axes.map((axis) => resolveAxis(axis, rank, where)).sort((a, b) => a - b);
  if (new Set(resolved).size !== resolved.length) {
    throw new ShapeError(`${where}: axes ${formatShape(axes)} name an axis twice`);
  }
  return resolved;
}

/** What is left of `shape` when `axes` are reduced: size 1 where they are kept, gone where not. */
export function reducedShape(shape: Shape, axes: readonly number[], keep: boolean): Shape {
  return keep ? shape.map((size, i) => (axes.includes(i) ? 1 : size)) : shape.filter((_, i) => !axes.includes(i));
}

/** Number of positions of a window along one axis: ⌊(n + 2p − k) / s⌋ + 1. */
export const windowCount = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** Reads -1 in a reshape as "whatever is left". */
export function resolveReshape(from: Shape, to: Shape): Shape {
  const size = sizeOf(from);
  const known = sizeOf(to.filter((n) => n !== -1));
  const free = to.filter((n) => n === -1).length;
  const resolved = free === 1 && known > 0 && size % known === 0 ? to.map((n) => (n === -1 ? size / known : n)) : to;
  if (free > 1 || sizeOf(resolved) !== size || resolved.some((n) => n < 0)) {
    throw new ShapeError(`reshape: ${formatShape(from)} holds ${size} values and cannot become ${formatShape(to)}`);
  }
  return resolved;
}
