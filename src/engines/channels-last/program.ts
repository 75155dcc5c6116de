/**
 * Rewrites a program so that images are held with their channels last, [N, H, W, C], wherever a convolution makes them
 * or what follows can be computed so. Only then are a pixel's channels one row: of a gather, of a matrix product, of a
 * reduction over channels. Filters lie in memory like that. Other inputs and results keep the program's layout.
 */

import type { Attributes, Primitive } from '../../tensor/primitives.ts';
import { ELEMENTWISE } from '../../tensor/primitives.ts';
import { type Program, rootsOf } from '../../tensor/program.ts';
import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { simplify } from '../../tensor/simplify.ts';
import { attributesOf, operation, parameter, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import { convolve, convolveFilter, convolveTransposed, createTables } from './convolutions.ts';
import { isHeldLast } from './layout.ts';

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

/** The program with the same results, rearranged and simplified. Its filters and their gradients are as in memory. */
export function channelsLast(program: Program): Program {
  const held = new Map<Tensor, Held>();
  const rules = createRules();
  for (const node of topologicalOrder(rootsOf(program))) {
    const operands = node.inputs.map((operand) => held.get(operand)!);
    held.set(node, rules(node, operands) ?? asIs(rebuild(node, operands.map(plain))));
  }
  const outputs = Object.entries(program.outputs).map(([name, node]) => [name, plain(held.get(node)!)] as const);
  const gradients = Object.entries(program.gradients).map(([name, node]) => {
    const value = held.get(node)!;
    return [name, isHeldLast(node.shape) ? lastOf(value, node.rank, CHANNELS) : plain(value)] as const;
  });
  const roots = simplify([...outputs, ...gradients].map(([, node]) => node));
  const entries = (named: readonly (readonly [string, Tensor])[], from: number) =>
    Object.fromEntries(named.map(([name], i) => [name, roots[from + i]]));
  return { ...program, outputs: entries(outputs, 0), gradients: entries(gradients, outputs.length) };
}

const rebuild = (node: Tensor, inputs: readonly Tensor[]): Tensor =>
  inputs.every((operand, i) => operand === node.inputs[i])
    ? node
    : operation(node.primitive, inputs, node.attributes as never);

/** What a node becomes whose operands are held so; undefined where it takes and gives what the program has. */
type Rule<P extends Primitive> = (
  node: Tensor,
  operands: readonly Held[],
  attributes: Attributes[P],
) => Held | undefined;

function createRules(): (node: Tensor, operands: readonly Held[]) => Held | undefined {
  const tables = createTables();
  const windowOf = (image: Shape, kernel: Shape, windows: Shape) => ({
    image: [image[2], image[3]] as const,
    kernel: [kernel[0], kernel[1]] as const,
    windows: [windows[2], windows[3]] as const,
  });
  const images = (held: Held): Tensor => lastOf(held, 4, CHANNELS);
  const rules: { readonly [P in Primitive]?: Rule<P> } = {
    input: (node, _, { source }) =>
      source.kind === 'parameter' && isHeldLast(node.shape)
        ? lastly(parameter(source.name, moveLast(node.shape, CHANNELS)), CHANNELS)
        : undefined,
    convolve: (node, [x, filter], { stride, padding }) => {
      const [image, weights] = node.inputs;
      const geometry = { ...windowOf(image.shape, weights.shape.slice(2), node.shape), stride, padding };
      return lastly(convolve(images(x), images(filter), geometry, tables), CHANNELS);
    },
    convolveTransposed: (node, [y, filter], { stride, padding }) => {
      const [windows, weights] = node.inputs;
      const geometry = { ...windowOf(node.shape, weights.shape.slice(2), windows.shape), stride, padding };
      return lastly(convolveTransposed(images(y), images(filter), geometry, tables), CHANNELS);
    },
    convolveFilter: (node, [x, y], { stride, padding, kernel }) => {
      const [image, windows] = node.inputs;
      const geometry = { ...windowOf(image.shape, kernel, windows.shape), stride, padding };
      return lastly(convolveFilter(images(x), images(y), geometry, tables), CHANNELS);
    },
    sum: reduction,
    max: reduction,
    logSumExp: reduction,
    reshape,
    broadcast: (node, [{ value, channels }], { shape }) =>
      channels !== undefined && value.rank === node.rank
        ? lastly(value.broadcastTo(moveLast(shape, channels)), channels)
        : undefined,
    slice: axisByAxis,
    pad: axisByAxis,
    concat: (node, operands, { axis }) => {
      const channels = commonChannels(operands, node.rank);
      if (channels === undefined) return undefined;
      const parts = operands.map((x) => lastOf(x, node.rank, channels));
      return lastly(
        operation('concat', parts, { axis: moveLast(axesOf(node.rank), channels).indexOf(axis) }),
        channels,
      );
    },
  };
  return (node, operands) => {
    if (ELEMENTWISE.has(node.primitive)) return elementwise(node, operands);
    const rule = rules[node.primitive] as Rule<Primitive> | undefined;
    return rule?.(node, operands, node.attributes);
  };
}

function elementwise(node: Tensor, operands: readonly Held[]): Held | undefined {
  const channels = commonChannels(operands, node.rank);
  if (channels === undefined) return undefined;
  const parts = operands.map((x) => lastOf(x, node.rank, channels));
  return lastly(rebuild(node, parts), channels);
}

/** Attributes that say something of each axis: they move with the axes. */
function axisByAxis(node: Tensor, [{ value, channels }]: readonly Held[]): Held | undefined {
  if (channels === undefined) return undefined;
  const attributes = Object.entries(node.attributes as Readonly<Record<string, readonly number[]>>);
  const moved = Object.fromEntries(attributes.map(([name, values]) => [name, moveLast(values, channels)]));
  return lastly(operation(node.primitive, [value], moved as never), channels);
}

/** Over channels it is one over the last axis. What is left keeps its channels last where it has them, and images. */
function reduction(node: Tensor, [{ value, channels }]: readonly Held[]): Held | undefined {
  if (channels === undefined) return undefined;
  const primitive = node.primitive as 'sum' | 'max' | 'logSumExp';
  const { axes, keep } = attributesOf(node, primitive);
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
