/** Every primitive as plain loops in 64-bit floats: the oracle that other engines are tested against. */

import type { Attributes, NumericArray, Primitive, PrimitiveOf, Source } from '../../tensor/primitives.ts';
import { broadcastStrides, type Shape, sizeOf, stridesOf } from '../../tensor/shape.ts';
import { attributesOf, type NodeOf, type Tensor } from '../../tensor/tensor.ts';
import { convolve, convolveFilter, convolveTransposed } from './convolutions.ts';

export type Values = NumericArray;

/** Computes a node from the values of its operands. */
type Kernel<P extends Primitive> = (operands: readonly Values[], node: Tensor, attributes: Attributes[P]) => Values;

const unary =
  (f: (x: number) => number): Kernel<Primitive> =>
  ([x]) =>
    Float64Array.from(x, f);

/** Calls `visit` for each position of `shape` with its offset under each set of strides. */
export function forEachPosition(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (position: number, offsets: readonly number[]) => void,
): void {
  const size = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  const offsets = new Array<number>(strides.length).fill(0);
  for (let position = 0; position < size; position++) {
    visit(position, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      const wrapped = index[axis] === shape[axis];
      for (let s = 0; s < strides.length; s++) {
        offsets[s] += wrapped ? -strides[s][axis] * (shape[axis] - 1) : strides[s][axis];
      }
      if (!wrapped) break;
      index[axis] = 0;
    }
  }
}

const binary =
  (f: (a: number, b: number) => number): Kernel<Primitive> =>
  ([a, b], node) => {
    const out = emptyLike(node);
    const { length } = out;
    if ((a.length === length || a.length === 1) && (b.length === length || b.length === 1)) {
      // No axis is repeated but by a single value: no need to track positions.
      const [strideA, strideB] = [Number(a.length === length), Number(b.length === length)];
      for (let i = 0; i < length; i++) out[i] = f(a[i * strideA], b[i * strideB]);
      return out;
    }
    const strides = node.inputs.map((operand) => broadcastStrides(operand.shape, node.shape));
    forEachPosition(node.shape, strides, (position, [atA, atB]) => {
      out[position] = f(a[atA], b[atB]);
    });
    return out;
  };

export function emptyLike({ dtype, size }: Tensor): Values {
  switch (dtype) {
    case 'float':
      return new Float64Array(size);
    case 'int32':
      return new Int32Array(size);
    default:
      return new Uint8Array(size);
  }
}

/** Copies with strides: out[position] = x[start + offset], for reshaping, repeating, cutting and permuting alike. */
function copyStrided(x: Values, node: Tensor, strides: readonly number[], start = 0): Values {
  const out = emptyLike(node);
  forEachPosition(node.shape, [strides], (position, [offset]) => {
    out[position] = x[start + offset];
  });
  return out;
}

/** Writes x into a part of a larger array. */
function writeInto(out: Values, outShape: Shape, x: Values, shape: Shape, starts: readonly number[]): void {
  const strides = stridesOf(outShape);
  const origin = starts.reduce((sum, start, i) => sum + start * strides[i], 0);
  forEachPosition(shape, [strides], (position, [offset]) => {
    out[origin + offset] = x[position];
  });
}

/** Folds each value of x into the position of the result that it is reduced to. */
function reduce(
  x: Values,
  shape: Shape,
  { axes }: Attributes[PrimitiveOf<'reduction'>],
  out: Float64Array,
  f: (sum: number, value: number) => number,
): Float64Array {
  const kept = stridesOf(shape.map((size, i) => (axes.includes(i) ? 1 : size)));
  const strides = shape.map((_, i) => (axes.includes(i) ? 0 : kept[i]));
  forEachPosition(shape, [strides], (position, [offset]) => {
    out[offset] = f(out[offset], x[position]);
  });
  return out;
}

const add = (a: number, b: number): number => a + b;

export const kernels: { readonly [P in Primitive]: Kernel<P> } = {
  constant: (_, __, { values }) => values,
  input: (_, node) => {
    throw new Error(`the value of an input ${JSON.stringify(node.attributes)} is not computed`);
  },

  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  abs: unary(Math.abs),
  sign: unary(Math.sign),
  relu: unary((x) => Math.max(x, 0)),
  step: unary((x) => (x > 0 ? 1 : 0)),
  elu: unary((x) => (x > 0 ? x : Math.expm1(x))),
  // Written with the exponential of a negative number, which cannot overflow.
  sigmoid: unary((x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))),
  tanh: unary(Math.tanh),
  // log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)
  softplus: unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  stopGradient: ([x]) => x,
  cast: ([x], node, { dtype }) => {
    const out = emptyLike(node);
    for (let i = 0; i < out.length; i++) out[i] = dtype === 'bool' ? Number(x[i] !== 0) : x[i];
    return out;
  },

  add: binary(add),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  less: binary((a, b) => Number(a < b)),
  equal: binary((a, b) => Number(a === b)),
  where: ([condition, a, b], node) => {
    const out = emptyLike(node);
    const strides = node.inputs.map((operand) => broadcastStrides(operand.shape, node.shape));
    forEachPosition(node.shape, strides, (position, [atCondition, atA, atB]) => {
      out[position] = condition[atCondition] !== 0 ? a[atA] : b[atB];
    });
    return out;
  },

  matmul: ([a, b], node, { transposeA, transposeB }) => {
    const [rows, columns] = node.shape;
    const inner = node.inputs[0].shape[transposeA ? 0 : 1];
    const [aRow, aInner] = transposeA ? [1, rows] : [inner, 1];
    const [bInner, bColumn] = transposeB ? [1, inner] : [columns, 1];
    const out = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < inner; k++) {
        const value = a[i * aRow + k * aInner];
        for (let j = 0; j < columns; j++) out[i * columns + j] += value * b[k * bInner + j * bColumn];
      }
    }
    return out;
  },
  convolve,
  convolveTransposed,
  convolveFilter,

  gather: ([x, indices], node, { axis }) => {
    const shape = node.inputs[0].shape;
    const [inner, length, count] = [sizeOf(shape.slice(axis + 1)), shape[axis], indices.length];
    const out = emptyLike(node);
    for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++) {
      for (let i = 0; i < count; i++) {
        const from = (outer * length + indices[i]) * inner;
        out.set(x.subarray(from, from + inner), (outer * count + i) * inner);
      }
    }
    return out;
  },
  scatterAdd: ([y, indices], node, { axis, length }) => {
    const [inner, count] = [sizeOf(node.shape.slice(axis + 1)), indices.length];
    const out = new Float64Array(node.size);
    for (let outer = 0; outer < sizeOf(node.shape.slice(0, axis)); outer++) {
      for (let i = 0; i < count; i++) {
        const [to, from] = [(outer * length + indices[i]) * inner, (outer * count + i) * inner];
        for (let j = 0; j < inner; j++) out[to + j] += y[from + j];
      }
    }
    return out;
  },

  sum: ([x], node, attributes) => reduce(x, node.inputs[0].shape, attributes, new Float64Array(node.size), add),
  max: ([x], node, attributes) => {
    const out = new Float64Array(node.size).fill(Number.NEGATIVE_INFINITY);
    return reduce(x, node.inputs[0].shape, attributes, out, Math.max);
  },
  logSumExp: ([x], node, attributes) => {
    const shape = node.inputs[0].shape;
    const largest = new Float64Array(node.size).fill(Number.NEGATIVE_INFINITY);
    reduce(x, shape, attributes, largest, Math.max);
    // Where the maximum is infinite it is the answer; shifting by it would give NaN.
    const shift = largest.map((value) => (Number.isFinite(value) ? value : 0));
    const kept = stridesOf(shape.map((size, i) => (attributes.axes.includes(i) ? 1 : size)));
    const strides = shape.map((_, i) => (attributes.axes.includes(i) ? 0 : kept[i]));
    const shifted = new Float64Array(x.length);
    forEachPosition(shape, [strides], (position, [offset]) => {
      shifted[position] = Math.exp(x[position] - shift[offset]);
    });
    const sums = reduce(shifted, shape, attributes, new Float64Array(node.size), add);
    return sums.map((sum, i) => Math.log(sum) + shift[i]);
  },

  reshape: ([x]) => x,
  transpose: ([x], node, { permutation }) => {
    const strides = stridesOf(node.inputs[0].shape);
    return copyStrided(
      x,
      node,
      permutation.map((axis) => strides[axis]),
    );
  },
  broadcast: ([x], node) => copyStrided(x, node, broadcastStrides(node.inputs[0].shape, node.shape)),
  slice: ([x], node, { starts }) => {
    const strides = stridesOf(node.inputs[0].shape);
    return copyStrided(
      x,
      node,
      strides,
      starts.reduce((sum, start, i) => sum + start * strides[i], 0),
    );
  },
  pad: ([x], node, { before }) => {
    const out = emptyLike(node);
    writeInto(out, node.shape, x, node.inputs[0].shape, before);
    return out;
  },
  concat: (operands, node, { axis }) => {
    const out = emptyLike(node);
    const starts = node.shape.map(() => 0);
    operands.forEach((x, i) => {
      const { shape } = node.inputs[i];
      writeInto(out, node.shape, x, shape, starts);
      starts[axis] += shape[axis];
    });
    return out;
  },
};

const compute = <P extends Primitive>(node: NodeOf<P>, operands: readonly Values[]): Values =>
  kernels[node.primitive](operands, node, attributesOf(node, node.primitive));

/** Computes nodes in the given order; `inputValue` gives the leaves. */
export function evaluate(order: readonly Tensor[], inputValue: (source: Source, node: Tensor) => Values) {
  const values = new Map<Tensor, Values>();
  for (const node of order) {
    const operands = node.inputs.map((operand) => values.get(operand)!);
    const value =
      node.primitive === 'input' ? inputValue(attributesOf(node, 'input').source, node) : compute(node, operands);
    values.set(node, value);
  }
  return values as ReadonlyMap<Tensor, Values>;
}
