/** Steps in phases: those of one phase need nothing of each other, and run at the same time. */

import type { Tensor } from '../../tensor/tensor.ts';
import type { Operand, Temporary } from '../compiled/arguments.ts';
import type { Use } from '../compiled/buffers.ts';
import type { Step } from './steps.ts';

export interface Phase extends Use {
  readonly steps: readonly Step[];
}

/** Every step in the phase behind the last one that it needs something of. */
export function phasesOf(steps: readonly Step[]): Phase[] {
  const phases: Step[][] = [];
  const madeIn = new Map<Operand, number>();
  for (const step of steps) {
    const needs = step.operands.map((operand) => madeIn.get(operand) ?? -1);
    const phase = Math.max(-1, ...needs) + 1;
    phases[phase] = [...(phases[phase] ?? []), step];
    for (const target of step.written) madeIn.set(target, phase);
  }
  return phases.map((list) => ({
    steps: list,
    operands: [...new Set(list.flatMap(({ operands }) => [...operands]))],
    written: list.flatMap(({ written }): (Tensor | Temporary)[] => [...written]),
  }));
}
