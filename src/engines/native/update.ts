/** A program's update as a step: one pass over all parameters, cut into chunks. */

import type { Update } from '../../tensor/program.ts';
import type { Temporary } from '../compiled/arguments.ts';
import { updateCode } from '../compiled/update.ts';
import { c } from './dialect.ts';
import { IVDEP } from './nest.ts';
import { bodyOf, type Step } from './steps.ts';

const CHUNK = 2 ** 14;

export interface UpdateStep extends Step {
  /** What its operands are: sections of the state, and behind them the coefficients. */
  readonly sections: readonly string[];
}

/** @param floats of one section of the state. */
export function updateStep(update: Update, floats: number): UpdateStep {
  const code = updateCode(update, c);
  const body = bodyOf([
    `const int begin = (int)task * ${CHUNK}, end = begin + ${CHUNK} < ${floats} ? begin + ${CHUNK} : ${floats};`,
    IVDEP,
    'for (int i = begin; i < end; i++) {',
    ...code.lines.map((line) => `  ${line}`),
    '}',
  ]);
  const operands = [...code.sections, 'coefficients'].map((): Temporary => ({ floats }));
  const declaration = `void update(${code.arguments}, const long task)`;
  return {
    name: 'update',
    declaration,
    body,
    tasks: Math.ceil(floats / CHUNK),
    sections: code.sections,
    operands,
    written: [],
  };
}
