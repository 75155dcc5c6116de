/** Steps of a program as C functions: tasks of one step may run at the same time, and in any order. */

import { crc32 } from 'node:zlib';
import type { Tensor } from '../../tensor/tensor.ts';
import { Arguments } from '../compiled/arguments.ts';
import type { Use } from '../compiled/buffers.ts';
import { c } from './dialect.ts';

export interface Step extends Use {
  readonly name: string;
  /** Its function: what others must know of it, and what it does. */
  readonly declaration: string;
  readonly body: string;
  /** How many times it is called, with `task` from 0 on. */
  readonly tasks: number;
}

/** What a step reads and writes: by the names of its function's arguments. */
export class StepArguments extends Arguments {
  private readonly places: ReadonlySet<Tensor>;
  /** Names of values that have just been computed where they are read. */
  here: (node: Tensor) => string | undefined = () => undefined;

  constructor(stored: ReadonlySet<Tensor>) {
    super(stored, c);
    this.places = stored;
  }

  valueHere = (node: Tensor): string | undefined => this.here(node);

  /** None yet, for statements that are only looked at. */
  again = (): StepArguments => new StepArguments(this.places);
}

/** A step of these statements. Its name says what it does, and differs where its source does. */
export function createStep(what: string, args: StepArguments, tasks: number, lines: readonly string[]): Step {
  const list = [args.list, 'const long task'].filter((part) => part !== '').join(', ');
  const body = bodyOf(lines);
  const name = `${what}_${crc32(list + body)
    .toString(16)
    .padStart(8, '0')}`;
  return { name, declaration: `void ${name}(${list})`, body, operands: args.operands, written: args.written, tasks };
}

export const bodyOf = (lines: readonly string[]): string =>
  ['{', ...lines.map((line) => `  ${line}`), '}', ''].join('\n');

/** Positions that make a task worth claiming, and the most tasks of a step: fixed, so that sums are cut alike anywhere. */
const [WORTH, MOST_TASKS] = [2 ** 13, 64];

/** Into how many tasks so much work should be cut. */
export const tasksFor = (positions: number): number => Math.min(MOST_TASKS, Math.ceil(positions / WORTH));
