/** Where a run keeps its files, and how a run or a checkpoint is found again. */

import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from '../errors.ts';
import { makeFolder, readFile, writeFile } from '../files.ts';
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts';

const CHECKPOINTS = 'checkpoints';
const SUFFIX = '.safetensors';

const epochName = (epoch: number): string => `epoch-${String(epoch).padStart(4, '0')}`;

export class RunDirectory {
  readonly folder: string;

  /** Use `createRun` or `openRun`. */
  constructor(folder: string) {
    this.folder = folder;
  }

  file = (...parts: string[]): string => path.join(this.folder, ...parts);

  checkpointFile = (name: string): string => this.file(CHECKPOINTS, `${name}${SUFFIX}`);

  get lastCheckpoint(): string {
    return this.checkpointFile('last');
  }

  /** The picture of an epoch, of one kind: `samples/epoch-0001.png`. */
  pictureFile = (kind: 'samples' | 'reconstructions', epoch: number): string =>
    this.file(kind, `${epochName(epoch)}.png`);

  writeJson(name: string, value: unknown): void {
    writeFile(this.file(name), `${JSON.stringify(value, null, 2)}\n`);
  }

  appendMetrics(record: object): void {
    try {
      appendFileSync(this.file('metrics.jsonl'), `${JSON.stringify(record)}\n`);
    } catch (error) {
      throw new InputError(`cannot write ${this.file('metrics.jsonl')}: ${describeSystemError(error)}`);
    }
  }

  /** Drops the records of epochs that a resumed run will make again, and a line cut short by a crash. */
  keepMetricsTo(epoch: number): void {
    const file = this.file('metrics.jsonl');
    if (!existsSync(file)) return;
    const kept = readFile(file)
      .toString()
      .split('\n')
      .filter((line) => isRecordTo(line, epoch));
    writeFile(file, kept.map((line) => `${line}\n`).join(''));
  }

  /** Writes the last checkpoint; copies of it are kept as the best, and under the epoch's number where asked. */
  saveCheckpoint(checkpoint: Checkpoint, { best = false, keep = false } = {}): void {
    writeCheckpoint(this.lastCheckpoint, checkpoint);
    if (best) this.copyLast('best');
    if (keep) this.copyLast(epochName(checkpoint.progress.epoch));
  }

  private copyLast(name: string): void {
    const [target, temporary] = [this.checkpointFile(name), this.file(CHECKPOINTS, `.${name}.tmp`)];
    try {
      copyFileSync(this.lastCheckpoint, temporary);
      renameSync(temporary, target);
    } catch (error) {
      throw new InputError(`cannot write ${target}: ${describeSystemError(error)}`);
    }
  }
}

function isRecordTo(line: string, epoch: number): boolean {
  try {
    return (JSON.parse(line) as { epoch: number }).epoch <= epoch;
  } catch {
    return false;
  }
}

function makeFolders(folder: string): RunDirectory {
  for (const part of [CHECKPOINTS, 'samples', 'reconstructions']) makeFolder(path.join(folder, part));
  return new RunDirectory(folder);
}

/**
 * A new run's folder: the one named, or the first free `<root>/<name>-<n>`. An existing one is never written into.
 * @throws InputError if the folder cannot be made, or holds something already.
 */
export function createRun(root: string, name: string, named?: string): RunDirectory {
  if (named !== undefined) {
    if (existsSync(named) && !(statSync(named).isDirectory() && readdirSync(named).length === 0)) {
      throw new InputError(
        `--out ${named}: it exists already; name a new folder, or continue that run with --resume ${named}`,
      );
    }
    return makeFolders(named);
  }
  makeFolder(root);
  for (let n = 1; ; n++) {
    const folder = path.join(root, `${name}-${n}`);
    try {
      // Fails if it exists, so that two runs started together get a folder each.
      mkdirSync(folder);
      return makeFolders(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new InputError(`cannot create the folder ${folder}: ${describeSystemError(error)}`);
    }
  }
}

/** @throws InputError if the folder is not a run with a checkpoint. */
export function openRun(folder: string): RunDirectory {
  const run = new RunDirectory(folder);
  if (!existsSync(folder)) throw new InputError(`${folder}: no such run; vae train makes one`);
  if (!existsSync(run.lastCheckpoint)) {
    throw new InputError(
      `${folder}: no checkpoint there yet (expected ${run.lastCheckpoint}); train it for an epoch first`,
    );
  }
  return run;
}

/**
 * The run under `root` whose last checkpoint is the newest.
 * @throws InputError if there is none.
 */
export function newestRun(root: string): RunDirectory {
  const folders = existsSync(root) && statSync(root).isDirectory() ? readdirSync(root) : [];
  const runs = folders
    .map((folder) => new RunDirectory(path.join(root, folder)))
    .filter((run) => existsSync(run.lastCheckpoint))
    .map((run) => ({ run, time: statSync(run.lastCheckpoint).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  if (runs.length === 0) {
    throw new InputError(
      `there is no trained run in ${root}/; start one with vae train, or name one with --run or --checkpoint`,
    );
  }
  return runs[0].run;
}
