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
  const phaseOf = phaseNumbers(steps);
  for (const step of steps) {
    const phase = phaseOf.get(step)!;
    while (phases.length <= phase) phases.push([]);
    phases[phase].push(step);
  }
  return phases.map((list) => ({
    steps: list,
    operands: [...new Set(list.flatMap(({ operands }) => [...operands]))],
    written: list.flatMap(({ written }): (Tensor | Temporary)[] => [...written]),
  }));
}

function phaseNumbers(steps: readonly Step[]): ReadonlyMap<Step, number> {
  const maker = new Map<Operand, Step>(steps.flatMap((step) => step.written.map((target) => [target, step] as const)));
  const numbers = new Map<Step, number>();
  // An explicit stack: a deep network must not overflow the call stack.
  const stack = [...steps].reverse();
  for (let step = stack.at(-1); step !== undefined; step = stack.at(-1)) {
    const needs = step.operands
      .map((operand) => maker.get(operand))
      .filter((other) => other !== undefined && other !== step);
    const open = needs.filter((other) => !numbers.has(other!));
    if (open.length > 0) {
      stack.push(...(open as Step[]));
      continue;
    }
    stack.pop();
    numbers.set(step, Math.max(-1, ...needs.map((other) => numbers.get(other!)!)) + 1);
  }
  return numbers;
}
