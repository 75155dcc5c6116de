/** Which operators of ONNX a node becomes in a file for other runtimes. */

import type { Primitive } from '../../tensor/primitives.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { attributesOf, isOfKind, type Tensor } from '../../tensor/tensor.ts';
import { EngineError } from '../engine.ts';
import { isLowered, lower, type Site } from '../onnx/lowering.ts';
import { DATA_TYPES } from '../onnx/protobuf.ts';
import { type FreeProgram, openShape } from './free-batch.ts';
import type { Weight } from './weights.ts';

/** Where a node stands in the graph that is being built. */
export interface ExportSite extends Omit<Site<Primitive>, 'attributes'> {
  readonly free: FreeProgram;
  readonly weights: ReadonlyMap<Tensor, Weight>;
  /** Names of the values computed so far. */
  readonly names: ReadonlyMap<Tensor, string>;
  /** Whether a node has one user. */
  readonly isPrivate: (node: Tensor) => boolean;
}

type Row = (operands: readonly string[], site: ExportSite) => string;

const own: { readonly [P in Primitive]?: Row } = {
  input: (_, { node, free }) => {
    const { source } = attributesOf(node, 'input');
    if (source.kind === 'argument') return source.name;
    throw new EngineError(`program ${free.program.name}: it uses ${source.kind}, which no exported graph has`);
  },

  // As they are called, where the engine takes what is faster in its own runtime.
  step: ([x], { graph, name }) =>
    graph.apply('Cast', [graph.apply('Greater', [x, graph.number(0)])], { to: DATA_TYPES.float }, name),
  softplus: ([x], { graph, name }) => graph.apply('Softplus', [x], {}, name),

  add: (operands, site) => withBias(site) ?? shared(operands, site),
  convolve: (operands, site) => product(operands, site.node, site),
  convolveTransposed: (operands, site) => product(operands, site.node, site),

  reshape: ([x], { graph, node, name, free }) =>
    graph.apply('Reshape', [x, graph.integers(openShape(free, node))], {}, name),
  // 1 leaves an axis as long as it is.
  broadcast: ([x], { graph, node, name, free }) =>
    graph.apply('Expand', [x, graph.integers(openShape(free, node, 1))], {}, name),
  slice: ([x], { graph, node, name }) => {
    const { starts, ends } = attributesOf(node, 'slice');
    const axes = node.shape.flatMap((size, axis) => (size === node.inputs[0].shape[axis] ? [] : [axis]));
    const at = (values: readonly number[]): string => graph.integers(axes.map((axis) => values[axis]));
    return graph.apply('Slice', [x, at(starts), at(ends), graph.integers(axes)], {}, name);
  },
};

/** The engine's own row. */
function shared(operands: readonly string[], { graph, node, name, free }: ExportSite): string {
  // The shapes of a scatterAdd would be those of one batch; only derivatives use it.
  if (isLowered(node) && node.primitive !== 'scatterAdd') return lower(node, operands, graph, name);
  throw new EngineError(`program ${free.program.name}: it uses ${node.primitive}, which no exported graph has`);
}

/** Adds the operators for one node and returns the name of its value. */
export const lowerForExport: Row = (operands, site) => (own[site.node.primitive] ?? shared)(operands, site);

/** A product and the bias that is added to it are one operator, as every runtime has it. */
function withBias(site: ExportSite): string | undefined {
  const { node, names, isPrivate } = site;
  for (const [i, factor] of node.inputs.entries()) {
    const isProduct = isOfKind(factor, 'product');
    const bias = biasOf(node.inputs[1 - i], factor, site);
    if (!isProduct || bias === undefined || !isPrivate(factor)) continue;
    return product([...factor.inputs.map((operand) => names.get(operand)!), bias], factor, site);
  }
  return undefined;
}

/** The weight that holds one value for each column, or each channel, of a product, as the vector that operators take. */
function biasOf(added: Tensor, { shape }: Tensor, { weights }: ExportSite): string | undefined {
  // From the axis of columns or channels on, with 1 for what comes after.
  const fitting = shape.slice(1).map((size, i) => (i === 0 ? size : 1));
  const last = added.shape.slice(-fitting.length);
  if (added.size !== sizeOf(fitting) || last.join() !== fitting.join()) return undefined;
  const vector = added.primitive === 'reshape' ? added.inputs[0] : added;
  return vector.rank === 1 ? weights.get(vector)?.name : undefined;
}

/** `node` is the product itself, which may have been given a bias. */
function product(operands: readonly string[], node: Tensor, { graph, name }: ExportSite): string {
  if (node.primitive === 'matmul') {
    const { transposeA, transposeB } = attributesOf(node, 'matmul');
    return graph.apply('Gemm', operands, { transA: Number(transposeA), transB: Number(transposeB) }, name);
  }
  const { stride, padding } = attributesOf(node, node.primitive as 'convolve' | 'convolveTransposed');
  const window = { strides: stride, pads: [...padding, ...padding] };
  if (node.primitive === 'convolve') return graph.apply('Conv', operands, window, name);
  const [image, weights] = node.inputs;
  // What the stride leaves open: several sizes of image give one size of output.
  const rest = [0, 1].map(
    (i) => node.shape[2 + i] - ((image.shape[2 + i] - 1) * stride[i] - 2 * padding[i] + weights.shape[2 + i]),
  );
  return graph.apply('ConvTranspose', operands, { ...window, output_padding: rest }, name);
}
