/** Which operations of TensorFlow.js a node becomes. */

import type { DType, Primitive, PrimitiveOf } from '../../tensor/primitives.ts';
import { sameShape } from '../../tensor/shape.ts';
import { attributesOf, isOfKind, type Tensor } from '../../tensor/tensor.ts';
import { EngineError } from '../engine.ts';
import { type FreeProgram, openShape } from './free-batch.ts';
import { flag, integer, integers, type TfjsGraph, text, type } from './tfjs-graph.ts';
import { type Layouts, TO_LAST } from './tfjs-layouts.ts';

/** Where a node stands in the graph that is being built. */
export interface TfjsSite {
  readonly graph: TfjsGraph;
  readonly node: Tensor;
  readonly free: FreeProgram;
  readonly layouts: Layouts;
  /** What the result must be called, where that is settled. */
  readonly name: string | undefined;
}

/** Adds the operations for one node and returns the name of its value; `operands` are the names of the node's. */
type Row = (operands: readonly string[], site: TfjsSite) => string;

/** One operation of the same operands. */
const direct =
  (op: string): Row =>
  (operands, { graph, name }) =>
    graph.apply(op, operands, {}, name);

const CAST: Readonly<Record<DType, string>> = { float: 'FLOAT', int32: 'INT32', uint8: 'UINT8', bool: 'BOOL' };

const reduce = (
  graph: TfjsGraph,
  op: 'Sum' | 'Max',
  x: string,
  axes: readonly number[],
  keep: boolean,
  name?: string,
) => graph.apply(op, [x, graph.integers(axes)], { keep_dims: flag(keep) }, name);

const reduction =
  (op: 'Sum' | 'Max'): Row =>
  ([x], { graph, node, name }) => {
    const { axes, keep } = attributesOf(node, node.primitive as PrimitiveOf<'reduction'>);
    return axes.length === 0 ? graph.apply('Identity', [x], {}, name) : reduce(graph, op, x, axes, keep, name);
  };

/** Null where only derivatives use it, or where it is made elsewhere: leaves below, convolutions with channels last. */
const rows: { readonly [P in Primitive]: Row | null } = {
  constant: null,
  input: null,
  convolve: null,
  convolveTransposed: null,
  convolveFilter: null,
  scatterAdd: null,
  neg: direct('Neg'),
  exp: direct('Exp'),
  log: direct('Log'),
  sqrt: direct('Sqrt'),
  abs: direct('Abs'),
  sign: direct('Sign'),
  relu: direct('Relu'),
  step: ([x], { graph, name }) =>
    graph.apply('Cast', [graph.apply('Greater', [x, graph.number(0)])], { DstT: type('DT_FLOAT') }, name),
  elu: direct('Elu'),
  sigmoid: direct('Sigmoid'),
  tanh: direct('Tanh'),
  softplus: direct('Softplus'),
  stopGradient: direct('Identity'),
  cast: ([x], { graph, node, name }) =>
    graph.apply('Cast', [x], { DstT: type(`DT_${CAST[attributesOf(node, 'cast').dtype]}`) }, name),
  add: direct('AddV2'),
  sub: direct('Sub'),
  mul: direct('Mul'),
  div: direct('RealDiv'),
  less: direct('Less'),
  equal: direct('Equal'),
  where: direct('SelectV2'),

  // A weight is transposed beforehand: 16 rows of 400 times 784 take the wasm backend 0.4 ms, and 6.2 where it reads the
  // weight transposed.
  matmul: ([a, b], { graph, node, name, layouts }) => {
    const { transposeA, transposeB } = attributesOf(node, 'matmul');
    const weight = transposeB ? layouts.transposedWeight(node.inputs[1]) : undefined;
    const flags = { transpose_a: flag(transposeA), transpose_b: flag(transposeB && weight === undefined) };
    return graph.apply('MatMul', [a, weight ?? b], flags, name);
  },
  gather: ([x, indices], { graph, node, name }) =>
    graph.apply('GatherV2', [x, indices, graph.constant([attributesOf(node, 'gather').axis], [], 'int32')], {}, name),

  sum: reduction('Sum'),
  max: reduction('Max'),
  // log Σ eˣ = m + log Σ e^(x − m), m the largest.
  logSumExp: ([x], { graph, node, name, free }) => {
    const { axes } = attributesOf(node, 'logSumExp');
    const most = reduce(graph, 'Max', x, axes, true);
    const sum = reduce(graph, 'Sum', graph.apply('Exp', [graph.apply('Sub', [x, most])]), axes, true);
    return graph.reshape(graph.apply('AddV2', [graph.apply('Log', [sum]), most]), openShape(free, node), name);
  },

  reshape: ([x], { graph, node, name, free }) => graph.reshape(x, openShape(free, node), name),
  transpose: ([x], { graph, node, name }) => graph.transpose(x, attributesOf(node, 'transpose').permutation, name),
  broadcast: ([x], site) => repeat(x, site),
  slice: ([x], { graph, node, name, free }) => {
    const { starts } = attributesOf(node, 'slice');
    return graph.apply('Slice', [x, graph.integers(starts), graph.integers(openShape(free, node))], {}, name);
  },
  pad: ([x], { graph, node, name }) => {
    const { before, after } = attributesOf(node, 'pad');
    const both = before.flatMap((n, axis) => [n, after[axis]]);
    return graph.apply('Pad', [x, graph.constant(both, [node.rank, 2], 'int32')], {}, name);
  },
  concat: (operands, { graph, node, name }) => {
    const axis = graph.constant([attributesOf(node, 'concat').axis], [], 'int32');
    return graph.apply('ConcatV2', [...operands, axis], { N: integer(operands.length) }, name);
  },
};

/** Neighbouring axes that are not repeated are repeated as one: WebGL and others take four axes, and no more than six. */
function repeat(x: string, { graph, node, free, name }: TfjsSite): string {
  const [given] = node.inputs;
  const times = node.shape.map((size, axis) => size / (given.shape[axis - node.rank + given.rank] ?? 1));
  const sizes = openShape(free, node).map((size, axis) => size / times[axis]);
  const joined: { size: number; times: number }[] = [];
  for (const [axis, size] of sizes.entries()) {
    const before = joined.at(-1);
    // A product with −1 is not known either.
    if (before?.times === 1 && times[axis] === 1) before.size = Math.max(-1, before.size * size);
    else joined.push({ size, times: times[axis] });
  }
  const multiples = graph.integers(joined.map((axis) => axis.times));
  const whole = graph.reshape(
    x,
    joined.map(({ size }) => size),
  );
  return graph.reshape(graph.apply('Tile', [whole, multiples]), openShape(free, node), name);
}

/** The name of the node's value as the program has it. */
export function lowerToTfjs(site: TfjsSite): string {
  const { node, free, layouts } = site;
  const row = rows[node.primitive];
  if (row === null) {
    throw new EngineError(`program ${free.program.name}: it uses ${node.primitive}, which no exported graph has`);
  }
  return row(
    node.inputs.map((operand) => layouts.first(operand)),
    site,
  );
}

/** The name of the node's value with channels last, where it is best made so. */
export function lowerChannelsLast(site: TfjsSite): string | undefined {
  const { node, layouts } = site;
  const unnamed = { ...site, name: undefined };
  if (node.primitive === 'convolve' || node.primitive === 'convolveTransposed') return convolution(unnamed);
  const image = doubledImage(node);
  if (image !== undefined) {
    const sides = site.graph.integers(node.shape.slice(2));
    const attributes = { align_corners: flag(false), half_pixel_centers: flag(false) };
    return site.graph.apply('ResizeNearestNeighbor', [layouts.last(image), sides], attributes);
  }
  if (node.rank !== 4 || !node.inputs.some(layouts.isLast)) return undefined;
  const operands = () => node.inputs.map((operand) => layouts.last(operand));
  if (isOfKind(node, 'elementwise')) return rows[node.primitive]?.(operands(), unnamed);
  if (node.primitive !== 'sum' && node.primitive !== 'max') return undefined;
  const { axes } = attributesOf(node, node.primitive);
  const moved = axes.map((axis) => TO_LAST.indexOf(axis));
  return reduce(site.graph, node.primitive === 'sum' ? 'Sum' : 'Max', operands()[0], moved, true);
}

/**
 * The images [N, C, H, W] of which the node has each pixel as 2 × 2. To repeat them by Tile takes the wasm backend 70 ms
 * for 16 images in a residual decoder, and to resize them 1.
 */
function doubledImage(node: Tensor): Tensor | undefined {
  const [repeated] = node.inputs;
  if (node.primitive !== 'reshape' || node.rank !== 4 || repeated.primitive !== 'broadcast') return undefined;
  const [image] = repeated.inputs[0].inputs;
  if (repeated.inputs[0].primitive !== 'reshape' || image.rank !== 4) return undefined;
  const [batch, channels, height, width] = image.shape;
  const fits =
    sameShape(repeated.inputs[0].shape, [batch, channels, height, 1, width, 1]) &&
    sameShape(repeated.shape, [batch, channels, height, 2, width, 2]) &&
    sameShape(node.shape, [batch, channels, 2 * height, 2 * width]);
  return fits ? image : undefined;
}

/** A convolution of images with their channels last. */
function convolution({ graph, node, layouts }: TfjsSite): string {
  const [image, filter] = node.inputs;
  const { stride, padding } = attributesOf(node, node.primitive as 'convolve' | 'convolveTransposed');
  const [x, weights] = [layouts.last(image), layouts.filter(filter)];
  const pads = [0, 0, ...padding.flatMap((n) => [n, n]), 0, 0];
  const attributes = {
    strides: integers([1, ...stride, 1]),
    padding: text('EXPLICIT'),
    explicit_paddings: integers(pads),
    dilations: integers([1, 1, 1, 1]),
    data_format: text('NHWC'),
  };
  if (node.primitive === 'convolve') return graph.apply('Conv2D', [x, weights], attributes);
  const [, channels, ...sides] = node.shape;
  const batch = graph.apply('Slice', [graph.apply('Shape', [x]), graph.integers([0]), graph.integers([1])]);
  const axis = graph.constant([0], [], 'int32');
  const shape = graph.apply('ConcatV2', [batch, graph.integers([...sides, channels]), axis], { N: integer(2) });
  return graph.apply('Conv2DBackpropInput', [shape, weights, x], attributes);
}
