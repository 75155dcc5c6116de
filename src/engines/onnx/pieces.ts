/**
 * Cuts a large program into pieces, each a graph of its own, that run one after the other. onnxruntime prepares a graph
 * in a time that grows with the square of its nodes.
 */

import { type Program, rootsOf } from '../../tensor/program.ts';
import { argument, rebuilt, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';

/** A program of at most so many nodes, inputs not counted, stays whole; the largest preset has 5,401. */
const LARGEST_WHOLE = 8000;
/** Nodes of a piece at most: 2,000 dense layers take 15 s with these, and 26 s with pieces twice as large. */
const PIECE_NODES = 2000;

/** A value that one piece computes and later ones read. */
export interface Handed {
  /** As it is called among the outputs of the one, and among the arguments of the others. */
  readonly name: string;
  readonly node: Tensor;
}

export interface Pieces {
  /** In the order in which they run, without updates. Together they have the outputs and gradients of the program. */
  readonly programs: readonly Program[];
  readonly handed: readonly Handed[];
}

/** @param largest nodes of a program that stays whole, and `size` those of a piece. */
export function piecesOf(program: Program, largest = LARGEST_WHOLE, size = PIECE_NODES): Pieces {
  const order = topologicalOrder(rootsOf(program)).filter(({ inputs }) => inputs.length > 0);
  if (order.length <= largest) return { programs: [program], handed: [] };
  const pieceOf = new Map(order.map((node, i) => [node, Math.floor(i / size)]));
  const made = new Map<Tensor, Tensor>();
  const given = new Map<Tensor, Tensor>();
  for (const node of order) {
    const operands = node.inputs.map((operand) => {
      // Every piece has the leaves that it needs.
      if (!pieceOf.has(operand)) return operand;
      if (pieceOf.get(operand) === pieceOf.get(node)) return made.get(operand)!;
      const known = given.get(operand) ?? argument(`handed ${given.size}`, operand.shape, operand.dtype);
      given.set(operand, known);
      return known;
    });
    made.set(node, rebuilt(node, operands));
  }
  const handed = [...given].map(([node], i): Handed => ({ name: `handed ${i}`, node }));
  const programs = Array.from({ length: Math.ceil(order.length / size) }, () => ({
    name: program.name,
    outputs: {} as Record<string, Tensor>,
    gradients: {} as Record<string, Tensor>,
  }));
  // A result that is a leaf may come from any piece.
  const place = (node: Tensor) => programs[pieceOf.get(node) ?? 0];
  for (const [name, node] of Object.entries(program.outputs)) place(node).outputs[name] = made.get(node) ?? node;
  for (const [name, node] of Object.entries(program.gradients)) place(node).gradients[name] = made.get(node) ?? node;
  for (const { name, node } of handed) place(node).outputs[name] = made.get(node)!;
  return { programs, handed };
}
