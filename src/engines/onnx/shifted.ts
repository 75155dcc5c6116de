/** logSumExp in other primitives, for providers whose own is not shifted by the maximum: e¹⁰⁰⁰ is infinite in 32 bits. */

import { mapProgram, type Program } from '../../tensor/program.ts';
import { attributesOf, type Tensor } from '../../tensor/tensor.ts';

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
export const withShiftedLogSumExp = (program: Program): Program =>
  mapProgram(program, (node, [x]) => (node.primitive === 'logSumExp' ? shiftedLogSumExp(x, node) : undefined));
