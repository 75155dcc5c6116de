/** Reductions over the rows of a chain: each task folds its own rows, and another step joins what the tasks found, in order. */

import type { Tensor } from '../../tensor/tensor.ts';
import type { Temporary } from '../compiled/arguments.ts';
import type { Chain } from './chains.ts';
import { joinStep } from './reductions.ts';
import type { RowProgram } from './row-program.ts';
import type { Step, StepArguments } from './steps.ts';

/** Statements before and behind a task's rows, and the steps that join the parts of all tasks. */
export function columnSums(
  program: RowProgram,
  { frame: { columns }, columns: groups }: Chain,
  tasks: number,
  args: StepArguments,
) {
  const parts = new Map<Tensor, readonly Temporary[]>();
  const [before, behind]: string[][] = [[], []];
  for (const { node, names, initial } of program.columnSums) {
    const places = names.map((): Temporary => ({ floats: tasks * columns }));
    parts.set(node, places);
    names.forEach((name, i) => {
      before.push(`float ${name}[${columns}];`, `for (int j = 0; j < ${columns}; j++) ${name}[j] = ${initial[i]};`);
      behind.push(
        `for (int j = 0; j < ${columns}; j++) ${args.output(places[i])}[task * ${columns} + j] = ${name}[j];`,
      );
    });
  }
  const joins = (stored: ReadonlySet<Tensor>): Step[] =>
    groups.map((group) =>
      joinStep(
        group,
        stored,
        tasks,
        group.reductions.map((node) => parts.get(node)!),
      ),
    );
  return { before, behind, joins };
}
