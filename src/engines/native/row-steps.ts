/** A chain without a product as steps: its rows are shared out. */

import type { Tensor } from '../../tensor/tensor.ts';
import { Block } from '../compiled/emitter.ts';
import { Affine } from './affine.ts';
import type { Chain } from './chains.ts';
import { columnSums } from './column-sums.ts';
import { defineRow } from './nest.ts';
import { RowProgram } from './row-program.ts';
import { createStep, type Step, StepArguments, tasksFor } from './steps.ts';

export function rowSteps(chain: Chain, stored: ReadonlySet<Tensor>): Step[] {
  const { rows, columns } = chain.frame;
  const each = Math.ceil(rows / tasksFor(rows * columns));
  const tasks = Math.ceil(rows / each);
  const args = new StepArguments(stored);
  const program = new RowProgram(chain, stored);
  const sums = columnSums(program, chain, tasks, args);
  const affine = new Affine();
  const row = new Block(undefined, affine);
  const terms = defineRow(row, affine, chain.frame, program.cuts);
  program.emit(row, affine, args, { terms, columns: ['0', String(columns)] });
  const step = createStep('rows', args, tasks, [
    ...sums.before,
    `const int first = (int)task * ${each}, last = first + ${each} < ${rows} ? first + ${each} : ${rows};`,
    'for (int o = first; o < last; o++) {',
    ...row.lines.map((line) => `  ${line}`),
    '}',
    ...sums.behind,
  ]);
  return [step, ...sums.joins(stored)];
}
