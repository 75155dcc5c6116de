/**
 * Expressions that ONNX computes faster in another way than node by node. Each gives the same value up to rounding, and
 * is taken only where the nodes it goes around have no other user.
 */

import type { Primitive } from '../../tensor/primitives.ts';
import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { attributesOf, scalarValue, type Tensor } from '../../tensor/tensor.ts';
import type { GraphBuilder } from './graph.ts';
import { CONTRIBUTED, encodeFloats } from './protobuf.ts';

interface Context {
  readonly graph: GraphBuilder;
  /** Names of the values computed so far. */
  readonly names: ReadonlyMap<Tensor, string>;
  /** Whether a node has one user and is no result itself. */
  readonly isPrivate: (node: Tensor) => boolean;
  /** What the result must be called, where that is settled. */
  readonly name: string | undefined;
}

/** Adds the operators and returns the name of the value, or adds nothing where the shortcut does not apply. */
type Shortcut = (node: Tensor, context: Context) => string | undefined;

/** A sum over all axes but the last as a product with ones: about half of ReduceSum's time. */
const sumOfRows: Shortcut = (node, { graph, names, name }) => {
  const [x] = node.inputs;
  const { axes } = attributesOf(node, 'sum');
  if (x.rank < 2 || axes.length !== x.rank - 1 || axes.includes(x.rank - 1)) return undefined;
  const columns = x.shape[x.rank - 1];
  const rows = x.size / columns;
  const ones = graph.constant({ type: 'float', shape: [1, rows], bytes: encodeFloats(new Array(rows).fill(1)) });
  const matrix = x.rank === 2 ? names.get(x)! : graph.reshape(names.get(x)!, [rows, columns]);
  const product = graph.apply('MatMul', [ones, matrix]);
  return graph.apply('Reshape', [product, graph.integers(node.shape)], {}, name);
};

/** Σ x² in one pass, which keeps no squares: 3.0 ms for 131,072 rows of 32, where squares and their sum take 5.6. */
const sumOfSquares: Shortcut = (node, { graph, names, isPrivate, name }) => {
  const [square] = node.inputs;
  const { axes, keep } = attributesOf(node, 'sum');
  const [x, again] = square.inputs;
  if (square.primitive !== 'mul' || x !== again || axes.length === 0 || !isPrivate(square)) return undefined;
  return graph.apply('ReduceSumSquare', [names.get(x)!, graph.integers(axes)], { keepdims: Number(keep) }, name);
};

/** Rows of at most so many values are summed by a product: wider ones fill the processor's vectors by themselves. */
const NARROW = 16;

/** Rows at most this long are summed by a product: 1.8 ms against 2.4 for 32 values, no gain for 256. */
const SHORT = 64;

/** The factor of a product that is one row, repeated, of the product's values; and the other factor. */
function rowFactor(product: Tensor): { readonly row: Tensor; readonly rest: Tensor } | undefined {
  if (product.primitive !== 'mul') return undefined;
  const [a, b] = product.inputs;
  const isRow = (factor: Tensor, other: Tensor) =>
    factor.size === product.shape.at(-1) && factor.shape.at(-1) === factor.size && other.size === product.size;
  if (isRow(b, a)) return { row: b, rest: a };
  return isRow(a, b) ? { row: a, rest: b } : undefined;
}

/**
 * Sums over the last axis of many short rows, as a product with a column: of ones, or of the row r of Σ (x ∘ r). In
 * Σ ((x ∘ r) ∘ y) the row is moved outwards: a normalisation's derivative needs x ∘ y anyway.
 */
const sumsOfShortRows: Shortcut = (node, { graph, names, isPrivate, name }) => {
  const [x] = node.inputs;
  const { axes } = attributesOf(node, 'sum');
  const length = x.shape[x.rank - 1];
  const rows = x.size / length;
  if (axes.length !== 1 || axes[0] !== x.rank - 1 || rows < length) return undefined;
  const times = (value: string, column: string) => {
    const product = graph.apply('MatMul', [graph.reshape(value, [rows, length]), graph.reshape(column, [length, 1])]);
    return graph.apply('Reshape', [product, graph.integers(node.shape)], {}, name);
  };
  if (isPrivate(x)) {
    const scaled = rowFactor(x);
    if (scaled !== undefined) return times(names.get(scaled.rest)!, names.get(scaled.row)!);
    const inner = x.primitive === 'mul' && x.inputs[1].size === x.size ? rowFactor(x.inputs[0]) : undefined;
    if (inner !== undefined) {
      const product = graph.apply('Mul', [names.get(inner.rest)!, names.get(x.inputs[1])!]);
      return times(product, names.get(inner.row)!);
    }
  }
  if (length > SHORT) return undefined;
  const ones = graph.constant({ type: 'float', shape: [length], bytes: encodeFloats(new Array(length).fill(1)) });
  return times(names.get(x)!, ones);
};

/** Rows beyond which their identities, which grow with them, are more than is summed. */
const MOST_TAPS = 32;

/**
 * A sum over the last axis but one, of few rows of few values, as a product with identities one upon the other: 0.1 ms
 * against 1.1 for 28,800 × [4, 4], where an overlap of taps is added up.
 */
const sumOfNarrowRows: Shortcut = (node, { graph, names, name }) => {
  const [x] = node.inputs;
  const { axes } = attributesOf(node, 'sum');
  const [taps, values] = x.shape.slice(-2);
  if (x.rank < 3 || axes.length !== 1 || axes[0] !== x.rank - 2) return undefined;
  if (taps > MOST_TAPS || values > NARROW) return undefined;
  const matrix = graph.reshape(names.get(x)!, [x.size / (taps * values), taps * values]);
  const product = graph.apply('MatMul', [matrix, identities(graph, values, taps)]);
  return graph.apply('Reshape', [product, graph.integers(node.shape)], {}, name);
};

/** Factors σ(|x|) ≥ ½ that are multiplied before one logarithm: 2⁻¹⁶ is far from underflow. */
const FACTORS = 16;

/**
 * Σ (a − log(1 + eᵇ)) over the last axis = Σ (a − max(b, 0)) + Σ log Π σ(|b|), with one logarithm for 16 values: the
 * Bernoulli log likelihood, whose logarithms are the most expensive of its operations.
 */
const sumOfSoftplus: Shortcut = (node, { graph, names, isPrivate, name }) => {
  const [difference] = node.inputs;
  const { axes, keep } = attributesOf(node, 'sum');
  const last = difference.rank - 1;
  if (difference.primitive !== 'sub' || keep || axes.length !== 1 || axes[0] !== last) return undefined;
  const [a, softplus] = difference.inputs;
  const size = difference.shape[last];
  const whole = softplus.size === difference.size && a.size === difference.size;
  const free = isPrivate(difference) && isPrivate(softplus);
  if (softplus.primitive !== 'softplus' || size % FACTORS !== 0 || !whole || !free) return undefined;
  const b = names.get(softplus.inputs[0])!;
  const sum = (x: string, axis: number) => graph.apply('ReduceSum', [x, graph.integers([axis])], { keepdims: 0 });
  const linear = sum(graph.apply('Sub', [names.get(a)!, graph.apply('Relu', [b])]), last);
  const factors = graph.apply('Sigmoid', [graph.apply('Abs', [b])]);
  const grouped = graph.reshape(factors, [...difference.shape.slice(0, -1), size / FACTORS, FACTORS]);
  const products = graph.apply('ReduceProd', [grouped, graph.integers([last + 1])], { keepdims: 0 });
  return graph.apply('Add', [linear, sum(graph.apply('Log', [products]), last)], {}, name);
};

/** 1 − relu(−y) for y = elu(x) > −1, which is its slope, is y + 1 clipped to [0, 1]: one pass for three. */
const eluSlope: Shortcut = (node, { graph, names, isPrivate, name }) => {
  const [one, clipped] = node.inputs;
  if (scalarValue(one) !== 1 || clipped.primitive !== 'relu' || !isPrivate(clipped)) return undefined;
  const [negated] = clipped.inputs;
  if (negated.primitive !== 'neg' || !isPrivate(negated) || negated.inputs[0].primitive !== 'elu') return undefined;
  const y = names.get(negated.inputs[0])!;
  return graph.apply('HardSigmoid', [y], { alpha: { float: 1 }, beta: { float: 1 } }, name);
};

/**
 * Rows at most this wide are worth joining: 0.19 ms against 0.34 for 25,088 rows of 32, 0.10 against 0.13 for 6,272 of 64.
 */
const JOINED_WIDTH = 64;
const FEWEST_JOINED = 16;
const MOST_JOINED = 128;

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/**
 * One row of few values beside many rows, such as a bias of few channels: up to 128 rows are taken as one, because
 * onnxruntime goes row by row. 2.2 ms become 0.8 for 131,072 rows of 8.
 */
const besideNarrowRow =
  (operator: string): Shortcut =>
  (node, { graph, names, name }) => {
    const width = node.shape.at(-1) ?? 1;
    const rows = node.size / width;
    const joined = divisor(rows, MOST_JOINED);
    const isRow = (operand: Tensor) => operand.size === width && operand.shape.at(-1) === width;
    const [a, b] = node.inputs;
    const fits = (a.size === node.size && isRow(b)) || (b.size === node.size && isRow(a));
    if (!fits || width === 1 || width > JOINED_WIDTH || joined < FEWEST_JOINED) return undefined;
    const wide = node.inputs.map((operand) => {
      const value = names.get(operand)!;
      if (!isRow(operand)) return graph.reshape(value, [rows / joined, joined * width]);
      const repeated = graph.apply('Expand', [graph.reshape(value, [1, width]), graph.integers([joined, width])]);
      return graph.reshape(repeated, [joined * width]);
    });
    return graph.apply('Reshape', [graph.apply(operator, wide), graph.integers(node.shape)], {}, name);
  };

/** Values from which a transposition is worth a product, and rows up to which. */
const MANY_VALUES = 2 ** 14;
const MOST_ROWS = 64;

/** The axes in runs that a permutation moves as one, as their sizes in the operand and their order in the result. */
function runsOf(shape: Shape, permutation: readonly number[]): { sizes: number[]; order: number[] } {
  const moving = permutation.filter((axis) => shape[axis] !== 1);
  const runs: number[][] = [];
  for (const axis of moving) {
    const before = runs.at(-1);
    const between = before === undefined ? [] : shape.slice(before.at(-1)! + 1, axis);
    if (before !== undefined && axis > before.at(-1)! && between.every((size) => size === 1)) before.push(axis);
    else runs.push([axis]);
  }
  const sorted = runs.toSorted((a, b) => a[0] - b[0]);
  return {
    sizes: sorted.map((run) => sizeOf(run.map((axis) => shape[axis]))),
    order: runs.map((run) => sorted.indexOf(run)),
  };
}

/**
 * The transposes Aᵀ of a batch of matrices as Aᵀ·I, which the threads share: 0.5 ms against 1.3 for 128 × [49, 64].
 * Images go so from channels last to channels first, where convolutions meet dense layers.
 */
const transposesByProduct: Shortcut = (node, { graph, names, name }) => {
  const [x] = node.inputs;
  const { sizes, order } = runsOf(x.shape, attributesOf(node, 'transpose').permutation);
  if (x.dtype !== 'float' || order.join() !== '0,2,1' || sizes[0] < 2 || x.size < MANY_VALUES) return undefined;
  const [, rows, columns] = sizes;
  const batch = graph.reshape(names.get(x)!, sizes);
  if (Math.min(rows, columns) > MOST_ROWS) return undefined;
  const product =
    rows <= columns
      ? graph.apply('FusedMatMul', [batch, identities(graph, rows)], { transA: 1 }, undefined, CONTRIBUTED)
      : graph.apply('FusedMatMul', [identities(graph, columns), batch], { transB: 1 }, undefined, CONTRIBUTED);
  return graph.apply('Reshape', [product, graph.integers(node.shape)], {}, name);
};

/**
 * Zeros before or after along one axis, as a concatenation, which the threads share: 0.19 ms against 0.38 for
 * 128 × [196, 32].
 */
const padByConcat: Shortcut = (node, { graph, names, name }) => {
  const [x] = node.inputs;
  const { before, after } = attributesOf(node, 'pad');
  const padded = before.flatMap((count, axis) => (count + after[axis] > 0 ? [axis] : []));
  if (x.dtype !== 'float' || padded.length !== 1) return undefined;
  const [axis] = padded;
  const zeros = (count: number): string[] => (count > 0 ? [graph.zeros(x.shape.with(axis, count))] : []);
  return graph.apply('Concat', [...zeros(before[axis]), names.get(x)!, ...zeros(after[axis])], { axis }, name);
};

/** `count` identity matrices one upon the other: [count · size, size]. */
function identities(graph: GraphBuilder, size: number, count = 1): string {
  const values = Array.from({ length: count * size * size }, (_, i) =>
    Number(Math.floor(i / size) % size === i % size),
  );
  return graph.constant({ type: 'float', shape: [count * size, size], bytes: encodeFloats(values) });
}

export const shortcuts: { readonly [P in Primitive]?: Shortcut } = {
  sum: (node, context) =>
    sumOfRows(node, context) ??
    sumOfSoftplus(node, context) ??
    sumOfSquares(node, context) ??
    sumOfNarrowRows(node, context) ??
    sumsOfShortRows(node, context),
  add: besideNarrowRow('Add'),
  sub: (node, context) => eluSlope(node, context) ?? besideNarrowRow('Sub')(node, context),
  mul: besideNarrowRow('Mul'),
  div: besideNarrowRow('Div'),
  transpose: transposesByProduct,
  pad: padByConcat,
};
