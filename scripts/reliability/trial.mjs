/** A run of its own folder that is disturbed, then brought to its end, and compared with one that was left alone. */

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { contentOf, differences, stepOf } from './compare.mjs';
import { errorLine, faultsOf, run } from './program.mjs';

export const EPOCHS = 3;
const RUN = 'run';

/** In each subject's folder: the run, and the cache, which are both compared. */
export class Trial {
  folder;
  subject;
  args;
  tally;
  /** What is expected at the end; not known of the first. */
  expected;
  problems = [];

  constructor(folder, subject, args, tally, expected) {
    [this.folder, this.subject, this.args, this.tally, this.expected] = [folder, subject, args, tally, expected];
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }

  get checkpoint() {
    return path.join(this.folder, RUN, 'checkpoints', 'last.safetensors');
  }

  get options() {
    const env = { VAE_DATA_DIR: path.join(this.folder, 'cache') };
    return { cwd: this.folder, env, tally: this.tally, what: this.subject };
  }

  /** A new run where nothing was saved yet; what such a run has left is removed, as its message says. */
  nextArgs() {
    if (existsSync(this.checkpoint)) return ['train', '--resume', RUN];
    rmSync(path.join(this.folder, RUN), { recursive: true, force: true });
    return ['train', ...this.args, '--epochs', String(EPOCHS), '--out', RUN];
  }

  /** What was saved before must still be there, and count no fewer updates. */
  checkKept(before, disturbance) {
    const after = stepOf(this.checkpoint);
    if (before === undefined) return;
    if (after === undefined) this.problems.push(`LOST: the checkpoint is gone after ${disturbance}`);
    else if (!(after >= before)) this.problems.push(`LOST: ${before} updates became ${after} after ${disturbance}`);
  }

  /**
   * A disturbed process: it may have been killed, but must not have shown a stack or lost anything.
   * @param isSaved whether it has saved a checkpoint of its own before
   */
  async disturbed(work, disturbance, isFine, isSaved = false) {
    const before = stepOf(this.checkpoint);
    const args = this.nextArgs();
    const result = await work(args);
    this.checkKept(before ?? (isSaved ? 0 : undefined), disturbance);
    const faults = faultsOf(result).filter((fault) => !isFine(fault, result));
    for (const fault of faults) this.problems.push(`${fault} (${disturbance})`);
    return result;
  }

  /** Trains to the end and compares. */
  async finish() {
    const before = stepOf(this.checkpoint);
    const result = await run(this.nextArgs(), this.options);
    this.checkKept(before, 'resuming');
    for (const fault of faultsOf(result)) this.problems.push(`${fault} (resuming)`);
    if (result.code !== 0) this.problems.push(`cannot be brought to its end: ${errorLine(result)}`);
    else if (this.expected !== undefined) {
      const differing = differences(this.expected, contentOf(this.folder));
      if (differing.length > 0) this.problems.push(`not as if undisturbed: ${differing.slice(0, 4).join(', ')}`);
    }
    return result;
  }

  /** Files the problems, and removes the folder unless there are some. */
  close(again) {
    for (const problem of this.problems) this.tally.fail(`${this.subject}: ${problem}`, again);
    rmSync(this.folder, { recursive: true, force: true });
    return this.problems.length === 0;
  }
}

/** An undisturbed run: what it leaves, how long it takes, and each of its operations on files. */
export async function undisturbed(folder, subject, args, tally) {
  const trial = new Trial(folder, subject, args, tally);
  const trace = `${folder}.trace`;
  rmSync(trace, { force: true });
  const fault = { root: folder, trace };
  const traced = await run(trial.nextArgs(), { ...trial.options, fault });
  const expected = contentOf(folder);
  const operations = readFileSync(trace, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  rmSync(trace);
  const again = new Trial(folder, subject, args, tally, expected);
  const { milliseconds, code, stderr } = await again.finish();
  if (code !== 0 || traced.code !== 0) throw new Error(`${subject} cannot be trained undisturbed: ${stderr}`);
  if (again.problems.length > 0) throw new Error(`${subject} is not the same twice: ${again.problems.join('; ')}`);
  rmSync(folder, { recursive: true });
  /** The operation that saves the first checkpoint. */
  const saves = ({ files }) => files.at(-1).endsWith(path.join('checkpoints', 'last.safetensors'));
  const savedAt = operations.find(({ name, ...at }) => /rename|link/.test(name) && saves(at)).n;
  return { expected, operations, milliseconds, savedAt };
}
