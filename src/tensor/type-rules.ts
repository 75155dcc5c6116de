/** Which shape and type each primitive gives, and what operands it takes: one row each. */

import type { Attributes, Primitive, PrimitiveOf, Type, Window } from './primitives.ts';
import {
  broadcastShapes,
  formatShape,
  reducedShape,
  resolveReshape,
  type Shape,
  ShapeError,
  sameShape,
  windowCount,
} from './shape.ts';

type TypeRule<P extends Primitive> = (operands: readonly Type[], attributes: Attributes[P], primitive: P) => Type;

function fail(where: string, message: string): never {
  throw new ShapeError(`${where}: ${message}`);
}

function expectFloat(operands: readonly Type[], where: string): void {
  for (const { dtype } of operands) {
    if (dtype !== 'float') fail(where, `expected float operands, got ${dtype}; cast it first`);
  }
}

function expectRank(operand: Type, rank: number, what: string, where: string): void {
  if (operand.shape.length !== rank) {
    fail(where, `expected ${what} with ${rank} axes, got ${formatShape(operand.shape)}`);
  }
}

const unary: TypeRule<Primitive> = ([x], _, name) => {
  expectFloat([x], name);
  return { shape: x.shape, dtype: 'float' };
};

const arithmetic: TypeRule<Primitive> = ([a, b], _, name) => {
  expectFloat([a, b], name);
  return { shape: broadcastShapes(a.shape, b.shape, name), dtype: 'float' };
};

const comparison: TypeRule<Primitive> = ([a, b], _, name) => {
  if (a.dtype === 'bool') fail(name, 'bool values have no order and are conditions already');
  if (a.dtype !== b.dtype) fail(name, `cannot compare ${a.dtype} with ${b.dtype}; cast one of them first`);
  return { shape: broadcastShapes(a.shape, b.shape, name), dtype: 'bool' };
};

const reduction: TypeRule<PrimitiveOf<'reduction'>> = ([x], { axes, keep }, name) => {
  expectFloat([x], name);
  if (name !== 'sum' && axes.some((axis) => x.shape[axis] === 0)) fail(name, 'cannot reduce an axis of size 0');
  return { shape: reducedShape(x.shape, axes, keep), dtype: 'float' };
};

function expectWindow(image: Type, y: Type, kernel: Shape, { stride, padding }: Window, where: string): void {
  for (const axis of [0, 1]) {
    const expected = windowCount(image.shape[2 + axis], kernel[axis], stride[axis], padding[axis]);
    if (y.shape[2 + axis] !== expected || expected < 1) {
      fail(where, `expected an output side of ${expected} for axis ${2 + axis}, got ${formatShape(y.shape)}`);
    }
  }
}

export const typeRules: { readonly [P in Primitive]: TypeRule<P> } = {
  constant: () => fail('constant', 'a constant is made with its type'),
  input: () => fail('input', 'an input is made with its type'),
  neg: unary,
  exp: unary,
  log: unary,
  sqrt: unary,
  abs: unary,
  sign: unary,
  relu: unary,
  step: unary,
  elu: unary,
  sigmoid: unary,
  tanh: unary,
  softplus: unary,
  stopGradient: unary,
  cast: ([x], { dtype }) => ({ shape: x.shape, dtype }),
  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  div: arithmetic,
  less: comparison,
  equal: comparison,
  where: ([condition, a, b], _, name) => {
    if (condition.dtype !== 'bool') fail(name, `expected a bool condition, got ${condition.dtype}`);
    expectFloat([a, b], name);
    return { shape: broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape, name), name), dtype: 'float' };
  },
  matmul: ([a, b], { transposeA, transposeB }, name) => {
    expectFloat([a, b], name);
    expectRank(a, 2, 'a matrix', name);
    expectRank(b, 2, 'a matrix', name);
    const [rows, inner] = transposeA ? [a.shape[1], a.shape[0]] : a.shape;
    const [innerB, columns] = transposeB ? [b.shape[1], b.shape[0]] : b.shape;
    if (inner !== innerB) {
      const [left, right] = [transposeA ? 'ᵀ' : '', transposeB ? 'ᵀ' : ''];
      fail(name, `inner sizes differ in ${formatShape(a.shape)}${left} × ${formatShape(b.shape)}${right}`);
    }
    return { shape: [rows, columns], dtype: 'float' };
  },
  convolve: ([x, filter], { stride, padding }, name) => {
    expectFloat([x, filter], name);
    expectRank(x, 4, 'images [N, C, H, W]', name);
    expectRank(filter, 4, 'a filter [O, C, KH, KW]', name);
    if (x.shape[1] !== filter.shape[1]) {
      fail(name, `filter ${formatShape(filter.shape)} does not fit images ${formatShape(x.shape)}: channels differ`);
    }
    const height = windowCount(x.shape[2], filter.shape[2], stride[0], padding[0]);
    const width = windowCount(x.shape[3], filter.shape[3], stride[1], padding[1]);
    if (height < 1 || width < 1) {
      fail(name, `filter ${formatShape(filter.shape)} is larger than the padded images ${formatShape(x.shape)}`);
    }
    return { shape: [x.shape[0], filter.shape[0], height, width], dtype: 'float' };
  },
  convolveTransposed: ([y, filter], { stride, padding, size }, name) => {
    expectFloat([y, filter], name);
    expectRank(y, 4, 'images [N, O, H, W]', name);
    expectRank(filter, 4, 'a filter [O, C, KH, KW]', name);
    if (y.shape[1] !== filter.shape[0]) {
      fail(name, `filter ${formatShape(filter.shape)} does not fit images ${formatShape(y.shape)}: channels differ`);
    }
    const result: Type = { shape: [y.shape[0], filter.shape[1], ...size], dtype: 'float' };
    expectWindow(result, y, filter.shape.slice(2), { stride, padding }, name);
    return result;
  },
  convolveFilter: ([x, y], { stride, padding, kernel }, name) => {
    expectFloat([x, y], name);
    expectRank(x, 4, 'images [N, C, H, W]', name);
    expectRank(y, 4, 'images [N, O, H, W]', name);
    if (x.shape[0] !== y.shape[0]) {
      fail(name, `batch sizes differ: ${formatShape(x.shape)} and ${formatShape(y.shape)}`);
    }
    expectWindow(x, y, kernel, { stride, padding }, name);
    return { shape: [y.shape[1], x.shape[1], ...kernel], dtype: 'float' };
  },
  gather: ([x, indices], { axis }, name) => {
    if (indices.dtype !== 'int32') fail(name, `expected int32 indices, got ${indices.dtype}`);
    return { shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], dtype: x.dtype };
  },
  scatterAdd: ([y, indices], { axis, length }, name) => {
    expectFloat([y], name);
    if (indices.dtype !== 'int32') fail(name, `expected int32 indices, got ${indices.dtype}`);
    const end = axis + indices.shape.length;
    if (!sameShape(y.shape.slice(axis, end), indices.shape)) {
      fail(name, `indices ${formatShape(indices.shape)} do not fit ${formatShape(y.shape)} at axis ${axis}`);
    }
    return { shape: [...y.shape.slice(0, axis), length, ...y.shape.slice(end)], dtype: 'float' };
  },
  sum: reduction,
  max: reduction,
  logSumExp: reduction,
  reshape: ([x], { shape }) => ({ shape: resolveReshape(x.shape, shape), dtype: x.dtype }),
  transpose: ([x], { permutation }, name) => {
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length !== x.shape.length || sorted.some((axis, i) => axis !== i)) {
      fail(name, `${formatShape(permutation)} does not permute the axes of ${formatShape(x.shape)}`);
    }
    return { shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype };
  },
  broadcast: ([x], { shape }, name) => {
    if (!sameShape(broadcastShapes(x.shape, shape, name), shape)) {
      fail(name, `${formatShape(x.shape)} cannot be repeated to ${formatShape(shape)}`);
    }
    return { shape, dtype: x.dtype };
  },
  slice: ([x], { starts, ends }, name) => {
    const fits = x.shape.every((size, i) => 0 <= starts[i] && starts[i] <= ends[i] && ends[i] <= size);
    if (!fits || starts.length !== x.shape.length) {
      fail(name, `${formatShape(starts)} to ${formatShape(ends)} is not inside ${formatShape(x.shape)}`);
    }
    return { shape: starts.map((start, i) => ends[i] - start), dtype: x.dtype };
  },
  pad: ([x], { before, after }, name) => {
    expectFloat([x], name);
    if (before.length !== x.shape.length || [...before, ...after].some((n) => n < 0)) {
      fail(name, `cannot pad ${formatShape(x.shape)} by ${formatShape(before)} and ${formatShape(after)}`);
    }
    return { shape: x.shape.map((size, i) => before[i] + size + after[i]), dtype: 'float' };
  },
  concat: (operands, { axis }, name) => {
    const [first] = operands;
    for (const { shape, dtype } of operands) {
      const fits = shape.length === first.shape.length && shape.every((n, i) => i === axis || n === first.shape[i]);
      if (!fits || dtype !== first.dtype) {
        fail(name, `${formatShape(shape)} does not fit ${formatShape(first.shape)} along axis ${axis}`);
      }
    }
    const length = operands.reduce((sum, { shape }) => sum + shape[axis], 0);
    return { shape: first.shape.map((size, i) => (i === axis ? length : size)), dtype: first.dtype };
  },
};
