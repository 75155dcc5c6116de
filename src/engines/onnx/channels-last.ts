/**
 * Rewrites a program so that images are held with their channels last, [N, H, W, C], wherever a convolution makes them
 * or what follows can be computed so. Only then are a pixel's channels one row: of a gather, of a matrix product, of a
 * reduction over channels. Parameters, inputs and results keep the layout that the program gives them.
 */

import type { Attributes, Primitive } from '../../tensor/primitives.ts';
import { ELEMENTWISE } from '../../tensor/primitives.ts';
import { type Program, rootsOf } from '../../tensor/program.ts';
import type { Shape } from '../../tensor/shape.ts';
import { simplify } from '../../tensor/simplify.ts';
import { attributesOf, operation, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import { convolve, convolveFilter, convolveTransposed, createTables } from './convolutions.ts';

/** A value as it is held: as the program has it, or with axis 1 moved to the end. */
interface Held {
  readonly value: Tensor;
  readonly last: boolean;
}

const asIs = (value: Tensor): Held => ({ value, last: false });
const lastly = (value: Tensor): Held => ({ value, last: true });

/** [N, C, ...] → [N, ..., C] */
const moveLast = <T>([first, channels, ...rest]: readonly T[]): T[] => [first, ...rest, channels];
const axesOf = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis);

const toLast = (x: Tensor): Tensor => x.transpose(...moveLast(axesOf(x.rank)));
const toFirst = (x: Tensor): Tensor => {
  const [first, ...rest] = axesOf(x.rank);
  return x.transpose(first, x.rank - 1, ...rest.slice(0, -1));
};

const plain = ({ value, last }: Held): Tensor => (last ? toFirst(value) : value);

/** The value with channels last as an operand of a result with `rank` axes, with which it broadcasts. */
function lastOf({ value, last }: Held, rank: number): Tensor {
  if (last && value.rank === rank) return value;
  const whole = plain({ value, last });
  if (whole.rank === 0) return whole;
  return toLast(whole.reshape(...new Array<number>(rank - whole.rank).fill(1), ...whole.shape));
}

/** Whether what is held channels last outweighs what is not, among operands that are as large as the result. */
const mostlyLast = (operands: readonly Held[]): boolean => {
  const largest = (last: boolean) =>
    Math.max(0, ...operands.filter((held) => held.last === last).map(({ value }) => value.size));
  const lastSize = largest(true);
  return lastSize > 0 && lastSize >= largest(false);
};

/** The program with the same results, rearranged and simplified. */
export function channelsLast(program: Program): Program {
  const held = new Map<Tensor, Held>();
  const rules = createRules();
  for (const node of topologicalOrder(rootsOf(program))) {
    const operands = node.inputs.map((operand) => held.get(operand)!);
    held.set(node, rules(node, operands) ?? asIs(rebuild(node, operands.map(plain))));
  }
  const roots = simplify(rootsOf(program).map((node) => plain(held.get(node)!)));
  const named = Object.keys(program.outputs);
  const entries = (names: readonly string[], from: number) =>
    Object.fromEntries(names.map((name, i) => [name, roots[from + i]]));
  return {
    ...program,
    outputs: entries(named, 0),
    gradients: entries(Object.keys(program.gradients), named.length),
  };
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
  const rules: { readonly [P in Primitive]?: Rule<P> } = {
    convolve: (node, [x, filter], { stride, padding }) => {
      const [image, weights] = node.inputs;
      const geometry = { ...windowOf(image.shape, weights.shape.slice(2), node.shape), stride, padding };
      return lastly(convolve(lastOf(x, 4), plain(filter), geometry, tables));
    },
    convolveTransposed: (node, [y, filter], { stride, padding }) => {
      const [windows, weights] = node.inputs;
      const geometry = { ...windowOf(node.shape, weights.shape.slice(2), windows.shape), stride, padding };
      return lastly(convolveTransposed(lastOf(y, 4), plain(filter), geometry, tables));
    },
    convolveFilter: (node, [x, y], { stride, padding, kernel }) => {
      const [image, windows] = node.inputs;
      const geometry = { ...windowOf(image.shape, kernel, windows.shape), stride, padding };
      return asIs(convolveFilter(lastOf(x, 4), lastOf(y, 4), geometry, tables));
    },
    sum: reduction,
    max: reduction,
    logSumExp: reduction,
    reshape,
    broadcast: (_, [x], { shape }) =>
      x.last && x.value.rank === shape.length ? lastly(x.value.broadcastTo(moveLast(shape))) : undefined,
    slice: (_, [x], { starts, ends }) =>
      x.last ? lastly(operation('slice', [x.value], { starts: moveLast(starts), ends: moveLast(ends) })) : undefined,
    pad: (_, [x], { before, after }) =>
      x.last ? lastly(operation('pad', [x.value], { before: moveLast(before), after: moveLast(after) })) : undefined,
    concat: (node, operands, { axis }) => {
      if (!mostlyLast(operands)) return undefined;
      const moved = moveLast(axesOf(node.rank)).indexOf(axis);
      return lastly(
        operation(
          'concat',
          operands.map((x) => lastOf(x, node.rank)),
          { axis: moved },
        ),
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
  const whole = operands.filter(({ value }) => value.rank === node.rank);
  if (!mostlyLast(whole)) return undefined;
  return lastly(
    rebuild(
      node,
      operands.map((x) => lastOf(x, node.rank)),
    ),
  );
}

/** Over channels it is one over the last axis. What is left stays channels last where it still has images and channels. */
function reduction(node: Tensor, [x]: readonly Held[]): Held | undefined {
  if (!x.last) return undefined;
  const primitive = node.primitive as 'sum' | 'max' | 'logSumExp';
  const { axes, keep } = attributesOf(node, primitive);
  const order = moveLast(axesOf(x.value.rank));
  const moved = axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b);
  const reduced = operation(primitive, [x.value], { axes: moved, keep });
  if (keep) return lastly(reduced);
  const left = order.filter((axis) => !axes.includes(axis));
  const sorted = [...left].sort((a, b) => a - b);
  if (left.every((axis, i) => axis === sorted[i])) return asIs(reduced);
  return left[0] === 0 ? lastly(reduced) : asIs(reduced.transpose(...sorted.map((axis) => left.indexOf(axis))));
}

/** One that leaves images and channels alone rearranges what is between them. */
function reshape(node: Tensor, [x]: readonly Held[]): Held | undefined {
  const [images, channels] = node.shape;
  if (!x.last || images !== x.value.shape[0] || channels !== x.value.shape.at(-1)) return undefined;
  const value = x.value.reshape(...moveLast(node.shape));
  return node.rank > 2 ? lastly(value) : asIs(value);
}
