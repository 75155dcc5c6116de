/** Where a run keeps its files, and how a run or a checkpoint is found again. */

import { existsSync, lstatSync, mkdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from '../base/errors.ts';
import {
  flushFile,
  flushFolder,
  listFolder,
  makeFolder,
  quietly,
  removeTemporaries,
  writeFile,
} from '../base/files.ts';
import { takeLock } from '../base/lock.ts';
import { type Checkpoint, encodeCheckpoint } from './checkpoint.ts';
import type { Progress } from './progress.ts';
import { appendRecord, type IsRecord, keepRecords, readRecords } from './record-file.ts';

const CHECKPOINTS = 'checkpoints';
const FOLDERS = [CHECKPOINTS, 'samples', 'reconstructions', 'history', 'charts'] as const;
const SUFFIX = '.safetensors';
const METRICS = 'metrics.jsonl';
const CURVES = 'curves.jsonl';
const LOCK = '.lock';

const epochName = (epoch: number): string => `epoch-${String(epoch).padStart(4, '0')}`;

const isNumber = (value: unknown): value is number => typeof value === 'number';

const isMetrics: IsRecord = (value) => {
  const { epoch, train, test } = (value ?? {}) as Partial<Record<string, { bound?: unknown }>>;
  return Number.isSafeInteger(epoch) && isNumber(train?.bound) && isNumber(test?.bound);
};

const isCurvePoint: IsRecord = (value) => {
  const { step, loss, learningRate } = (value ?? {}) as Partial<Record<string, unknown>>;
  return Number.isSafeInteger(step) && isNumber(loss) && isNumber(learningRate);
};

function count(items: Iterable<unknown>): number {
  let found = 0;
  for (const _ of items) found++;
  return found;
}

/** A folder as the file system knows it, whatever it is called. */
interface Identity {
  readonly device: bigint;
  readonly inode: bigint;
}

function identityOf(folder: string): Identity {
  const { dev, ino } = lstatSync(folder, { bigint: true });
  return { device: dev, inode: ino };
}

/** What a process has made of a run, so that it can take it back. */
interface Made extends Identity {
  /** Whether the folder itself was made, and not found empty. */
  readonly folder: boolean;
}

export class RunDirectory {
  readonly folder: string;
  private readonly made: Made | undefined;
  private readonly written = new Set<string>();
  private saved = false;
  private release: (() => void) | undefined;

  /** Use `createRun` or `openRun`. */
  constructor(folder: string, made?: Made) {
    this.folder = folder;
    this.made = made;
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

  /** The epochs that have a picture of one kind, in order. */
  pictureEpochs(kind: 'samples' | 'history'): number[] {
    const epochs = listFolder(this.file(kind)).map((name) => Number(/^epoch-(\d+)\.png$/.exec(name)?.[1]));
    return epochs.filter((epoch) => !Number.isNaN(epoch)).sort((a, b) => a - b);
  }

  writeJson(name: string, value: unknown): void {
    this.written.add(name);
    writeFile(this.file(name), `${JSON.stringify(value, null, 2)}\n`);
  }

  appendMetrics = (record: object): void => this.append(METRICS, record);

  /** A point of the curves of loss, learning rate and gradient norm. */
  appendCurve = (point: object): void => this.append(CURVES, point);

  private append(name: string, record: object): void {
    this.written.add(name);
    appendRecord(this.file(name), record);
  }

  /**
   * Drops the records that a resumed run will make again, and a line cut short by a crash.
   * @returns how many records are left.
   */
  keepMetricsTo({ epoch, step }: Pick<Progress, 'epoch' | 'step'>): {
    readonly metrics: number;
    readonly curves: number;
  } {
    keepRecords<{ epoch: number }>(this.file(METRICS), isMetrics, (record) => record.epoch <= epoch);
    keepRecords<{ step: number }>(this.file(CURVES), isCurvePoint, (record) => record.step <= step);
    return { metrics: count(this.metrics()), curves: count(this.curves()) };
  }

  metrics = <Record>(): Iterable<Record> => readRecords(this.file(METRICS), isMetrics);
  curves = <Record>(): Iterable<Record> => readRecords(this.file(CURVES), isCurvePoint);

  /**
   * Writes the checkpoint, as the best too, and under its epoch's number, where asked. The last comes last: it counts.
   * What it counts is on disk before it.
   */
  saveCheckpoint(checkpoint: Checkpoint, { best = false, keep = false } = {}): void {
    const bytes = encodeCheckpoint(checkpoint);
    for (const name of [METRICS, CURVES]) flushFile(this.file(name));
    const names = [...(best ? ['best'] : []), ...(keep ? [epochName(checkpoint.progress.epoch)] : []), 'last'];
    for (const name of names) {
      writeFile(this.checkpointFile(name), bytes);
      this.saved = true;
    }
  }

  /** Makes the folders that are missing and clears what a killed process left. */
  prepare(): void {
    for (const part of FOLDERS) {
      makeFolder(this.file(part));
      removeTemporaries(this.file(part));
    }
    removeTemporaries(this.folder);
  }

  /**
   * Keeps other processes from training this run, until it is closed or this process ends.
   * @throws InputError if one does.
   */
  lock(): void {
    if (this.release !== undefined) return;
    const file = this.file(LOCK);
    this.release = takeLock(
      file,
      (owner) =>
        `${this.folder}: process ${owner} is training this run; wait for it or stop it; if process ${owner} is not vae, remove ${file}`,
    );
    process.once('exit', this.close);
  }

  /**
   * Gives the run free. One that this process has made and that never came to a checkpoint is taken back: what was written,
   * and nothing else.
   */
  close = (): void => {
    if (this.release === undefined) return;
    const { made } = this;
    const isTakenBack = made !== undefined && !this.saved && isSame(made, this.folder);
    if (isTakenBack) {
      for (const name of this.written) quietly(() => rmSync(this.file(name), { force: true }));
      // A folder that somebody has put something into stays.
      for (const part of FOLDERS) quietly(() => rmdirSync(this.file(part)));
    }
    this.release();
    this.release = undefined;
    process.off('exit', this.close);
    if (isTakenBack && made.folder) quietly(() => rmdirSync(this.folder));
  };
}

function isSame({ device, inode }: Identity, folder: string): boolean {
  try {
    const found = identityOf(folder);
    return found.device === device && found.inode === inode;
  } catch {
    return false;
  }
}

/**
 * A new run's folder: the one named, or the first free `<root>/<name>-<n>`. An existing one is never written into.
 * @throws InputError if the folder cannot be made, or holds something already.
 */
export function createRun(root: string, name: string, named?: string): RunDirectory {
  if (named === undefined) return made(firstFree(root, name), true);
  const isNew = expectFree(named);
  makeFolder(named);
  return made(named, isNew);
}

/**
 * Whether a new run may have this folder, and is to make it.
 * @throws InputError if it holds something already.
 */
export function expectFree(named: string): boolean {
  const isNew = !isThere(named);
  if (!isNew) {
    const empty = statSync(named).isDirectory() && listFolder(named).length === 0;
    const isRun = isThere(new RunDirectory(named).lastCheckpoint);
    const remedies = isRun ? [{ verb: 'or use', field: 'resume', value: named } as const] : [];
    if (!empty) throw new InputError('it exists already; name a new folder', { field: 'out', value: named, remedies });
  }
  return isNew;
}

const made = (folder: string, isNew: boolean): RunDirectory =>
  new RunDirectory(folder, { ...identityOf(folder), folder: isNew });

function firstFree(root: string, name: string): string {
  makeFolder(root);
  for (let n = 1; ; n++) {
    const folder = path.join(root, `${name}-${n}`);
    try {
      // Fails if it exists, so that two runs started together get a folder each.
      mkdirSync(folder);
      flushFolder(root);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new InputError(`cannot create the folder ${folder}: ${describeSystemError(error)}`);
    }
  }
}

/**
 * Whether there is something of this name.
 * @throws InputError if nobody can tell, as in a folder that must not be read.
 */
function isThere(name: string): boolean {
  try {
    statSync(name);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code))) return false;
    throw new InputError(`cannot read ${name}: ${describeSystemError(error)}`);
  }
}

/** @throws InputError if the folder is not a run with a checkpoint. */
export function openRun(folder: string): RunDirectory {
  const run = new RunDirectory(folder);
  if (!isThere(folder)) throw new InputError(`${folder}: no such run; vae train makes one`);
  if (!isThere(run.lastCheckpoint)) {
    if (!isThere(run.file('config.json'))) throw new InputError(`${folder}: this is not the folder of a run`);
    const hasTrained = count(run.metrics()) > 0 || listFolder(run.file(CHECKPOINTS)).length > 0;
    const advice = hasTrained
      ? 'put it back, or use another checkpoint of the run'
      : 'if it was stopped before its first, remove the folder';
    throw new InputError(`${folder}: this run has no checkpoint (expected ${run.lastCheckpoint}); ${advice}`);
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
