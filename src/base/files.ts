/** Files read and written with errors that a person can act on. A file is never seen half-written under its name. */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from './errors.ts';
import { MOST_AT_ONCE, readFrom, withFile } from './file-parts.ts';

/**
 * All of a file, whatever its size.
 * @throws InputError if it cannot be read.
 */
export const readFile = (file: string | Buffer): Buffer => withFile(file, (opened) => readFrom(opened));

/**
 * Makes a folder and those above it.
 * @throws InputError if it cannot be made.
 */
export function makeFolder(folder: string): void {
  try {
    // One at a time: Node's own recursion never ends where the system makes no folders, as under /proc.
    if (existsSync(folder)) {
      if (!statSync(folder).isDirectory()) throw new Error('a file of that name exists');
      return;
    }
    const parent = path.dirname(folder);
    if (parent !== folder) makeFolder(parent);
    try {
      mkdirSync(folder);
    } catch (error) {
      // Another process may have made it since.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(folder).isDirectory()) throw error;
    }
    flushFolder(parent);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot create the folder ${folder}: ${describeSystemError(error)}`);
  }
}

/** The names in a folder; none where there is no such folder. */
export function listFolder(folder: string): string[] {
  try {
    return existsSync(folder) ? readdirSync(folder) : [];
  } catch (error) {
    throw new InputError(`cannot read ${folder}: ${describeSystemError(error)}`);
  }
}

/** More of a long name could make the temporary one too long for the file system. */
const NAME_KEPT = 60;

/**
 * Beside the file or folder that it is to become, of this process alone. Nobody can guess it, so no link can wait there.
 */
export const temporaryName = (file: string): string => {
  const { dir, base } = path.parse(file);
  return path.join(dir, `.${base.slice(0, NAME_KEPT)}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
};

/** The process that a temporary name is of, or undefined where the name is of another kind. */
export function temporaryOwner(name: string): number | undefined {
  const owner = /^\..+\.(\d+)(?:-[0-9a-f]+)?\.tmp$/.exec(name)?.[1];
  return owner === undefined ? undefined : Number(owner);
}

/** Whether there is a process of this number, be it another user's. */
export function isRunning(id: number): boolean {
  // Zero and less stand for groups of processes.
  if (!Number.isSafeInteger(id) || id <= 0) return false;
  try {
    return process.kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Cleans up where a failure must not hide what happened before it, and does no harm. */
export function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // What is left takes up space.
  }
}

/**
 * Removes what processes that were killed while they wrote have left in a folder, as far as it can be removed.
 * @param isAbandoned whether the files of a process are no longer wanted; in a folder of one process all are.
 */
export function removeTemporaries(folder: string, isAbandoned: (owner: number) => boolean = () => true): void {
  for (const name of listFolder(folder)) {
    const owner = temporaryOwner(name);
    if (owner === undefined || !isAbandoned(owner)) continue;
    quietly(() => rmSync(path.join(folder, name), { recursive: true, force: true }));
  }
}

/** Of a folder that processes share. */
export const hasEnded = (owner: number): boolean => !isRunning(owner);

/**
 * Writes to a temporary name beside the target, flushes it to disk, and renames it. A link is followed, a file that is
 * replaced hands its mode on, and a device or pipe is written into as it is.
 * @throws InputError if the target cannot be written; the temporary file is removed.
 */
export function writeFile(file: string, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  try {
    const existing = existsSync(file) ? statSync(file) : undefined;
    if (existing?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    if (existing === undefined) replaceFile(targetOf(file), bytes);
    else if (existing.isFile()) replaceFile(realpathSync(file), bytes, existing.mode);
    else writeInto(file, 'w', (descriptor) => writeAll(descriptor, bytes));
  } catch (error) {
    throw new InputError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

/** What a link to a file that is still to be made names; a file that is no link is itself. */
function targetOf(file: string): string {
  try {
    return path.resolve(path.dirname(file), readlinkSync(file));
  } catch {
    return file;
  }
}

function replaceFile(file: string, bytes: Uint8Array, mode?: number): void {
  const temporary = temporaryName(file);
  try {
    writeInto(temporary, 'wx', (descriptor) => {
      if (mode !== undefined) fchmodSync(descriptor, mode & 0o777);
      writeAll(descriptor, bytes);
      fsyncSync(descriptor);
    });
    renameSync(temporary, file);
  } catch (error) {
    quietly(() => rmSync(temporary, { force: true }));
    throw error;
  }
  flushFolder(path.dirname(file));
}

/**
 * Flushes a file that was appended to, if there is one.
 * @throws InputError if it cannot be written.
 */
export function flushFile(file: string): void {
  try {
    if (existsSync(file)) writeInto(file, 'r+', fsyncSync);
  } catch (error) {
    throw new InputError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

/** A new name is on disk once its folder is. Windows cannot open a folder, and need not. */
export function flushFolder(folder: string): void {
  quietly(() => writeInto(folder, 'r', fsyncSync));
}

function writeInto(file: string, flags: 'w' | 'wx' | 'r+' | 'r', work: (descriptor: number) => void): void {
  const descriptor = openSync(file, flags);
  try {
    work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(descriptor, bytes, written, Math.min(MOST_AT_ONCE, bytes.length - written));
  }
}

/**
 * Keeps a result from replacing what it is made from.
 * @throws InputError if `file`, named by the option `field`, is one of `sources`, by whatever name.
 */
export function protectSources(file: string, sources: readonly string[], field = 'out'): void {
  const real = (name: string): string => (existsSync(name) ? realpathSync(name) : path.resolve(name));
  const source = sources.find((candidate) => real(candidate) === real(file));
  if (source !== undefined)
    throw new InputError(`this would replace ${source}; name another file`, { field, value: file });
}
