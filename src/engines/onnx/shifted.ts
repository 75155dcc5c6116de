/** logSumExp in other primitives, for providers whose own is not shifted by the maximum: e¹⁰⁰⁰ is infinite in 32 bits. */

import { type Program, rootsOf } from '../../tensor/program.ts';
import { attributesOf, operation, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';

const LARGEST = 3e38;

/** log Σ eˣ = m + log Σ e^(x − m), m the maximum where it is finite, else 0. */
function shiftedLogSumExp(x: Tensor, node: Tensor): Tensor {
  const { axes } = attributesOf(node, 'logSumExp');
  const largest = x.max(axes, true);
  const shift = largest.abs().less(LARGEST).where(largest, 0);
  return x
    .sub(shift)
    .exp()
    .sum(axes, true)
    .log()
    .add(shift)
    .reshape(...node.shape);
}

/** The program with the same results. */
export function withShiftedLogSumExp(program: Program): Program {
  const replaced = new Map<Tensor, Tensor>();
  for (const node of topologicalOrder(rootsOf(program))) {
    const inputs = node.inputs.map((operand) => replaced.get(operand)!);
    const rebuild = () => (inputs.length === 0 ? node : operation(node.primitive, inputs, node.attributes as never));
    replaced.set(node, node.primitive === 'logSumExp' ? shiftedLogSumExp(inputs[0], node) : rebuild());
  }
  const all = (nodes: Program['outputs']) =>
    Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, replaced.get(node)!]));
  return { ...program, outputs: all(program.outputs), gradients: all(program.gradients) };
}
