/**
 * Rewrites a program so that images are held with their channels last, [N, H, W, C], wherever a convolution makes them
 * or what follows can be computed so. Only then are a pixel's channels one row: of a gather, of a matrix product, of a
 * reduction over channels. Filters lie in memory like that. Other inputs and results keep the program's layout.
 */

import type { Attributes, Primitive, PrimitiveOf } from '../../tensor/primitives.ts';
import { type Program, rootsOf, withRoots } from '../../tensor/program.ts';
import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { simplify } from '../../tensor/simplify.ts';
import {
  attributesOf,
  isOfKind,
  mapNodes,
  type NodeOf,
  operation,
  parameter,
  rebuilt,
  type Tensor,
} from '../../tensor/tensor.ts';
import { convolve, convolveFilter, convolveTransposed, createTables, type Tables } from './convolutions.ts';
import { isHeldLast } from './layout.ts';
import type { Geometry } from './windows.ts';

/** A value as it is held: as the program has it, or with one axis, that of its channels, moved to the end. */
interface Held {
  readonly value: Tensor;
  readonly channels?: number;
}

const asIs = (value: Tensor): Held => ({ value });
/** Where the channels come last by themselves, nothing has moved. */
const lastly = (value: Tensor, channels: number): Held =>
  channels === value.rank - 1 ? { value } : { value, channels };

/** [N, C, ...] → [N, ..., C] for the axis 1. */
const moveLast = <T>(items: readonly T[], axis: number): T[] => [...items.toSpliced(axis, 1), items[axis]];
const axesOf = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis);

const toLast = (x: Tensor, axis: number): Tensor => x.transpose(...moveLast(axesOf(x.rank), axis));

const plain = ({ value, channels }: Held): Tensor =>
  channels === undefined ? value : value.transpose(...axesOf(value.rank - 1).toSpliced(channels, 0, value.rank - 1));

/** The value with its channels last as an operand of a result with `rank` axes, with which it broadcasts. */
function lastOf(held: Held, rank: number, channels: number): Tensor {
  if (held.channels === channels && held.value.rank === rank) return held.value;
  const whole = plain(held);
  if (whole.rank === 0) return whole;
  return toLast(whole.reshape(...new Array<number>(rank - whole.rank).fill(1), ...whole.shape), channels);
}

/** Which axis the operands hold last, where those that do outweigh those that hold none. */
function commonChannels(operands: readonly Held[], rank: number): number | undefined {
  const whole = operands.filter(({ value }) => value.rank === rank);
  const [largest] = whole.toSorted(
    (a, b) => b.value.size - a.value.size || Number(b.channels !== undefined) - Number(a.channels !== undefined),
  );
  return largest?.channels;
}

/** Images' and filters' channels in a program. */
const CHANNELS = 1;

/** Columns of a matrix product that fill the vectors of most libraries. */
const WIDE = 32;

/**
 * The program with the same results, rearranged and simplified. Its filters and their gradients are as in memory.
 * @param wide columns of a matrix product that fill its vectors.
 */
export function channelsLast(program: Program, wide = WIDE): Program {
  const tables = createTables(wide);
  const held = mapNodes<Held>(
    rootsOf(program),
    (node, operands) => rearranged(node, operands, tables) ?? asIs(rebuilt(node, operands.map(plain))),
  );
  const outputs = Object.values(program.outputs).map((node) => plain(held.get(node)!));
  const gradients = Object.values(program.gradients).map((node) => {
    const value = held.get(node)!;
    return isHeldLast(node.shape) ? lastOf(value, node.rank, CHANNELS) : plain(value);
  });
  return withRoots(program, simplify([...outputs, ...gradients]));
}

/** What a node becomes whose operands are held so; undefined where it takes and gives what the program has. */
type Rule<P extends Primitive> = (
  node: NodeOf<P>,
  operands: readonly Held[],
  attributes: Attributes[P],
  tables: Tables,
) => Held | undefined;

const asInProgram: Rule<Primitive> = () => undefined;

/** Over images and filters with their channels last. */
const images = (held: Held): Tensor => lastOf(held, 4, CHANNELS);
const imagesLast = (value: Tensor): Held => lastly(value, CHANNELS);

/** The geometry of a convolution from `image` to `windows`, both [N, C, H, W]. */
const geometryOf = (
  image: Shape,
  kernel: Shape,
  windows: Shape,
  { stride, padding }: Pick<Geometry, 'stride' | 'padding'>,
): Geometry => ({
  image: [image[2], image[3]],
  kernel: [kernel[0], kernel[1]],
  windows: [windows[2], windows[3]],
  stride,
  padding,
});

const rules: { readonly [P in Exclude<Primitive, PrimitiveOf<'elementwise'>>]: Rule<P> } = {
  constant: asInProgram,
  input: ({ shape }, _, { source }) =>
    source.kind === 'parameter' && isHeldLast(shape)
      ? imagesLast(parameter(source.name, moveLast(shape, CHANNELS)))
      : undefined,
  matmul: asInProgram,
  convolve: ({ shape, inputs: [image, weights] }, [x, filter], window, tables) => {
    const geometry = geometryOf(image.shape, weights.shape.slice(2), shape, window);
    return imagesLast(convolve(images(x), images(filter), geometry, tables));
  },
  convolveTransposed: ({ shape, inputs: [windows, weights] }, [y, filter], window, tables) => {
    const geometry = geometryOf(shape, weights.shape.slice(2), windows.shape, window);
    return imagesLast(convolveTransposed(images(y), images(filter), geometry, tables));
  },
  convolveFilter: ({ inputs: [image, windows] }, [x, y], { kernel, ...window }, tables) => {
    const geometry = geometryOf(image.shape, kernel, windows.shape, window);
    return imagesLast(convolveFilter(images(x), images(y), geometry, tables));
  },
  gather: asInProgram,
  scatterAdd: asInProgram,
  sum: reduction,
  max: reduction,
  logSumExp: reduction,
  reshape,
  transpose: asInProgram,
  broadcast: (node, [{ value, channels }], { shape }) =>
    channels !== undefined && value.rank === node.rank
      ? lastly(value.broadcastTo(moveLast(shape, channels)), channels)
      : undefined,
  slice: (_, [{ value, channels }], { starts, ends }) => {
    if (channels === undefined) return undefined;
    const moved = { starts: moveLast(starts, channels), ends: moveLast(ends, channels) };
    return lastly(operation('slice', [value], moved), channels);
  },
  pad: (_, [{ value, channels }], { before, after }) => {
    if (channels === undefined) return undefined;
    const moved = { before: moveLast(before, channels), after: moveLast(after, channels) };
    return lastly(operation('pad', [value], moved), channels);
  },
  concat: (node, operands, { axis }) => {
    const channels = commonChannels(operands, node.rank);
    if (channels === undefined) return undefined;
    const parts = operands.map((x) => lastOf(x, node.rank, channels));
    return lastly(operation('concat', parts, { axis: moveLast(axesOf(node.rank), channels).indexOf(axis) }), channels);
  },
};

const applyRule = <P extends keyof typeof rules>(node: NodeOf<P>, operands: readonly Held[], tables: Tables) =>
  rules[node.primitive](node, operands, attributesOf(node, node.primitive), tables);

const rearranged = (node: Tensor, operands: readonly Held[], tables: Tables): Held | undefined =>
  isOfKind(node, 'elementwise')
    ? elementwise(node, operands)
    : applyRule(node as NodeOf<keyof typeof rules>, operands, tables);

function elementwise(node: Tensor, operands: readonly Held[]): Held | undefined {
  const channels = commonChannels(operands, node.rank);
  if (channels === undefined) return undefined;
  const parts = operands.map((x) => lastOf(x, node.rank, channels));
  return lastly(rebuilt(node, parts), channels);
}

/** Over channels it is one over the last axis. What is left keeps its channels last where it has them, and images. */
function reduction(
  { primitive }: NodeOf<PrimitiveOf<'reduction'>>,
  [{ value, channels }]: readonly Held[],
  { axes, keep }: Attributes[PrimitiveOf<'reduction'>],
): Held | undefined {
  if (channels === undefined) return undefined;
  const order = moveLast(axesOf(value.rank), channels);
  const moved = axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b);
  const reduced = operation(primitive, [value], { axes: moved, keep });
  if (keep) return lastly(reduced, channels);
  const left = order.filter((axis) => !axes.includes(axis));
  if (axes.includes(channels)) return asIs(reduced);
  const before = left.filter((axis) => axis < channels).length;
  return before === 0 && left.length > 1
    ? asIs(reduced.transpose(left.length - 1, ...axesOf(left.length - 1)))
    : lastly(reduced, before);
}

/** One that leaves channels alone rearranges what is before and after them. */
function reshape(node: Tensor, [{ value, channels }]: readonly Held[]): Held | undefined {
  if (channels === undefined) return undefined;
  const before = sizeOf(value.shape.slice(0, channels));
  const count = value.shape.at(-1);
  const moved = axesOf(node.rank).find(
    (axis) => node.shape[axis] === count && sizeOf(node.shape.slice(0, axis)) === before,
  );
  return moved === undefined ? undefined : lastly(value.reshape(...moveLast(node.shape, moved)), moved);
}
