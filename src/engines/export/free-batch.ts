/**
 * A program for batches of any size. Programs have static shapes, so it is written twice, for two batch sizes, and the
 * two are compared node by node: a size that differs follows the batch, and everything else must be the same.
 */

import { inputsOf, type Program, rootsOf } from '../../tensor/program.ts';
import { attributesOf, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import { EngineError } from '../engine.ts';

/** A size that is the same for every batch, or so many times the batch. */
export type Size = number | { readonly perBatch: number };

export interface FreeProgram {
  /** For one batch size; only `sizesOf` says what its shapes mean. */
  readonly program: Program;
  /** Operands before their users. */
  readonly nodes: readonly Tensor[];
  /** At most one of them follows the batch. */
  sizesOf(node: Tensor): readonly Size[];
}

/** Primes that no layer has for a size, so that nothing fits by chance. Nothing of these sizes is ever computed. */
const BATCHES = [10_007, 10_009] as const;

export const followsBatch = (size: Size): size is { readonly perBatch: number } => typeof size !== 'number';

/** @throws EngineError where what the program computes, and not just how much of it, depends on the size of the batch. */
export function freeBatch(programOf: (batch: number) => Program): FreeProgram {
  const programs = BATCHES.map(programOf);
  const [nodes, twins] = programs.map((program) => topologicalOrder(rootsOf(program)));
  const positions = new Map([...nodes.entries(), ...twins.entries()].map(([i, node]) => [node, i]));
  const sizes = new Map<Tensor, readonly Size[]>();
  for (const [i, node] of nodes.entries()) {
    const found = i < twins.length && isTwin(node, twins[i], positions) ? sizesOf(node, twins[i]) : undefined;
    if (found === undefined) {
      throw new EngineError(`program ${programs[0].name}: its ${node.primitive} depends on the size of the batch`);
    }
    sizes.set(node, found);
    checkBatchAxis(node, sizes, programs[0].name);
  }
  return { program: programs[0], nodes, sizesOf: (node) => sizes.get(node)! };
}

/** A batch is neither made by repeating, nor cut. */
function checkBatchAxis(node: Tensor, sizes: ReadonlyMap<Tensor, readonly Size[]>, name: string): void {
  if (node.primitive !== 'broadcast' && node.primitive !== 'slice') return;
  const [given] = node.inputs;
  const axis = sizes.get(node)!.findIndex(followsBatch);
  if (axis >= 0 && given.shape[axis - node.rank + given.rank] !== node.shape[axis]) {
    throw new EngineError(`program ${name}: its ${node.primitive} changes the size of the batch`);
  }
}

/** The program's arguments, in the order of first use. */
export const argumentsOf = ({ program }: FreeProgram): { readonly name: string; readonly node: Tensor }[] =>
  inputsOf(program, 'argument').map(({ node, source }) => ({ name: source.name, node }));

/** The node's shape with another number where it follows the batch: by default −1, for "whatever is left". */
export const openShape = ({ sizesOf }: FreeProgram, node: Tensor, open = -1): number[] =>
  sizesOf(node).map((size) => (followsBatch(size) ? open : size));

/** Whether both nodes apply the same primitive, with the same attributes, to the same operands. */
const isTwin = (node: Tensor, twin: Tensor, positions: ReadonlyMap<Tensor, number>): boolean =>
  node.primitive === twin.primitive &&
  node.inputs.length === twin.inputs.length &&
  node.inputs.every((operand, i) => positions.get(operand) === positions.get(twin.inputs[i])) &&
  fixedAttributes(node) === fixedAttributes(twin);

/** Undefined where a size is no multiple of the batch, or several follow it. */
function sizesOf(node: Tensor, twin: Tensor): Size[] | undefined {
  const sizes: Size[] = [];
  for (const [axis, size] of node.shape.entries()) {
    const other = twin.shape[axis];
    if (size === other) sizes.push(size);
    else if (size * BATCHES[1] === other * BATCHES[0]) sizes.push({ perBatch: size / BATCHES[0] });
    else return undefined;
  }
  return node.rank === twin.rank && sizes.filter(followsBatch).length <= 1 ? sizes : undefined;
}

/** The node's attributes as text, without those that its shape tells. */
function fixedAttributes(node: Tensor): string {
  switch (node.primitive) {
    case 'reshape':
    case 'broadcast':
      return '';
    case 'slice':
      return JSON.stringify(attributesOf(node, 'slice').starts);
    case 'constant':
      return attributesOf(node, 'constant').values.join();
    default:
      return JSON.stringify(node.attributes);
  }
}
