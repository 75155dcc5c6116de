/** Finds what stopped being finite first, after a run has failed: its steps are made again, and one is looked into. */

import { allFinite } from '../base/finite.ts';
import { type FirstNonFinite, firstNonFinite, watch } from './finiteness.ts';
import type { Place, Step, Updates } from './updates.ts';

/** What stopped being finite first, and in which step. Without a node it was the update itself that overflowed. */
export interface Finding extends Partial<FirstNonFinite> {
  readonly step: number;
}

/** A run whose steps can be made again. */
export interface Repeatable {
  readonly updates: Updates;
  /** Where `goBack` leads to. */
  readonly start: Place;
  /** Puts the state back to what it was at the start. No step may be under way. */
  goBack(): void;
}

/** What failed: the loss or the gradient of a step, or the evaluation behind it. */
export interface Failure {
  readonly step: number;
  readonly inEvaluation: boolean;
}

/**
 * Steps are the same whenever they are made from the same state, so the failing one can be looked into. A parameter may
 * have stopped being finite before the loss did; then it is the step that made it so which is looked into.
 * @param stopped asked before every step; where it turns true, nothing is found.
 */
export async function diagnose(
  run: Repeatable,
  { step: failed, inEvaluation }: Failure,
  stopped: () => boolean,
): Promise<Finding | undefined> {
  const spoilt = await repeat(run, inEvaluation ? failed : failed - 1, stopped);
  if (stopped() || (inEvaluation && spoilt === undefined)) return undefined;
  if (spoilt !== undefined) await repeat(run, spoilt.step - 1, stopped);
  if (stopped()) return undefined;
  const [step] = [...run.updates.stepsTo(spoilt?.step ?? failed, run.start)].slice(-1);
  const found = await lookInto(run.updates, step);
  if (spoilt !== undefined) {
    return { ...found, step: spoilt.step, parameter: { name: spoilt.parameter, what: 'value' } };
  }
  return found && { ...found, step: failed };
}

/** A parameter that a step has left not finite. */
interface Spoilt {
  readonly step: number;
  readonly parameter: string;
}

/** Makes all steps again up to and with `last`, as far as parameters stay finite. */
async function repeat(run: Repeatable, last: number, stopped: () => boolean): Promise<Spoilt | undefined> {
  const { updates } = run;
  run.goBack();
  for (const step of updates.stepsTo(last, run.start)) {
    if (stopped()) return undefined;
    const { executable, call } = await updates.run(step);
    await executable.run(call);
    const parameter = updates.state.parameters.find(({ name }) => !allFinite(updates.state.read(name)));
    if (parameter !== undefined) return { step: step.step, parameter: parameter.name };
  }
  return undefined;
}

/** Computes what the step would from the state as it is, and looks at every value. The state stays as it is. */
async function lookInto(updates: Updates, step: Step): Promise<FirstNonFinite | undefined> {
  const program = updates.program(step.positions.length);
  const executable = await updates.compile(watch(program));
  try {
    const { call } = await updates.run(step);
    return firstNonFinite(program, await executable.run(call));
  } finally {
    await executable.release();
  }
}
