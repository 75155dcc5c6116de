/** Where a run keeps its files, and how a run or a checkpoint is found again. */

import { appendFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from '../base/errors.ts';
import { isRunning, listFolder, makeFolder, readFile, removeTemporaries, writeFile } from '../base/files.ts';
import { type Checkpoint, encodeCheckpoint } from './checkpoint.ts';
import type { Progress } from './progress.ts';

const CHECKPOINTS = 'checkpoints';
const FOLDERS = [CHECKPOINTS, 'samples', 'reconstructions', 'history', 'charts'] as const;
const SUFFIX = '.safetensors';
const METRICS = 'metrics.jsonl';
const CURVES = 'curves.jsonl';

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
  pictureFile = (kind: 'samples' | 'reconstructions' | 'history', epoch: number): string =>
    this.file(kind, `${epochName(epoch)}.png`);

  chartFile = (name: string): string => this.file('charts', `${name}.png`);

  writeJson(name: string, value: unknown): void {
    writeFile(this.file(name), `${JSON.stringify(value, null, 2)}\n`);
  }

  appendMetrics = (record: object): void => appendRecord(this.file(METRICS), record);

  /** A point of the curves of loss, learning rate and gradient norm. */
  appendCurve = (point: object): void => appendRecord(this.file(CURVES), point);

  /** Drops the records that a resumed run will make again, and a line cut short by a crash. */
  keepMetricsTo({ epoch, step }: Pick<Progress, 'epoch' | 'step'>): void {
    keepRecords<{ epoch: number }>(this.file(METRICS), (record) => record.epoch <= epoch);
    keepRecords<{ step: number }>(this.file(CURVES), (record) => record.step <= step);
  }

  metrics = <Record>(): Record[] => readRecords(this.file(METRICS));
  curves = <Record>(): Record[] => readRecords(this.file(CURVES));

  /** Writes the checkpoint, as the best too, and under its epoch's number, where asked. The last comes last: it counts. */
  saveCheckpoint(checkpoint: Checkpoint, { best = false, keep = false } = {}): void {
    const bytes = encodeCheckpoint(checkpoint);
    if (best) writeFile(this.checkpointFile('best'), bytes);
    if (keep) writeFile(this.checkpointFile(epochName(checkpoint.progress.epoch)), bytes);
    writeFile(this.lastCheckpoint, bytes);
  }

  /** Makes the folders that are missing and clears what a killed process left. */
  prepare(): void {
    for (const part of FOLDERS) {
      makeFolder(this.file(part));
      removeTemporaries(this.file(part));
    }
    removeTemporaries(this.folder);
  }

  /** Removes the run if it never came to a checkpoint; for a run that this process has made. */
  discardUnlessSaved(): void {
    if (!existsSync(this.lastCheckpoint)) rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * Keeps other processes from training this run; ends with `unlock`.
   * @throws InputError if one does.
   */
  lock(): void {
    const owner = existsSync(this.lockFile) ? Number(readFile(this.lockFile)) : undefined;
    if (owner !== undefined && owner !== process.pid && isRunning(owner)) {
      throw new InputError(
        `${this.folder}: process ${owner} is training this run; wait for it or stop it; if process ${owner} is not vae, remove ${this.lockFile}`,
      );
    }
    try {
      writeFileSync(this.lockFile, String(process.pid));
    } catch (error) {
      throw new InputError(`cannot write ${this.lockFile}: ${describeSystemError(error)}`);
    }
  }

  unlock(): void {
    rmSync(this.lockFile, { force: true });
  }

  private get lockFile(): string {
    return this.file('.lock');
  }
}

function appendRecord(file: string, record: object): void {
  try {
    appendFileSync(file, `${JSON.stringify(record)}\n`);
  } catch (error) {
    throw new InputError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

/** A file's records, one a line, without a line that a crash has cut short. */
function readRecords<Record>(file: string): Record[] {
  if (!existsSync(file)) return [];
  return readFile(file)
    .toString()
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Record];
      } catch {
        return [];
      }
    });
}

function keepRecords<Record>(file: string, isKept: (record: Record) => boolean): void {
  if (!existsSync(file)) return;
  const kept = readRecords<Record>(file).filter(isKept);
  writeFile(file, kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

/**
 * A new run's folder: the one named, or the first free `<root>/<name>-<n>`. An existing one is never written into.
 * @throws InputError if the folder cannot be made, or holds something already.
 */
export function createRun(root: string, name: string, named?: string): RunDirectory {
  const run = new RunDirectory(named ?? firstFree(root, name));
  if (named !== undefined && existsSync(named)) {
    const empty = statSync(named).isDirectory() && listFolder(named).length === 0;
    const isRun = existsSync(run.lastCheckpoint);
    const remedies = isRun ? [{ verb: 'or use', field: 'resume', value: named } as const] : [];
    if (!empty) throw new InputError('it exists already; name a new folder', { field: 'out', value: named, remedies });
  }
  makeFolder(run.folder);
  return run;
}

function firstFree(root: string, name: string): string {
  makeFolder(root);
  for (let n = 1; ; n++) {
    const folder = path.join(root, `${name}-${n}`);
    try {
      // Fails if it exists, so that two runs started together get a folder each.
      mkdirSync(folder);
      return folder;
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
    if (!existsSync(run.file('config.json'))) throw new InputError(`${folder}: this is not the folder of a run`);
    throw new InputError(
      `${folder}: this run has no checkpoint (expected ${run.lastCheckpoint}); if it was stopped before its first, remove the folder`,
    );
  }
  return run;
}

/**
 * The run under `root` whose last checkpoint is the newest.
 * @throws InputError if there is none.
 */
export function newestRun(root: string): RunDirectory {
  const runs = listFolder(root)
    .map((folder) => new RunDirectory(path.join(root, folder)))
    .filter((run) => existsSync(run.lastCheckpoint))
    .map((run) => ({ run, time: statSync(run.lastCheckpoint).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  if (runs.length === 0) {
    throw new InputError(`there is no trained run in ${root}/; start one with vae train, or name the folder of one`);
  }
  return runs[0].run;
}
