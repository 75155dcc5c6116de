/** Files read and written with errors that a person can act on. A file is never seen half-written under its name. */

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from './errors.ts';

/** @throws InputError if the file cannot be read. */
export function readFile(file: string | Buffer): Buffer {
  try {
    // One such as /dev/zero never ends.
    if (statSync(file).isCharacterDevice()) throw new Error('it is a device, not a file');
    return readFileSync(file);
  } catch (error) {
    throw new InputError(`cannot read ${file}: ${describeSystemError(error)}`);
  }
}

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
    mkdirSync(folder);
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

/** Beside the file or folder that it is to become, of this process alone. */
export const temporaryName = (file: string): string =>
  path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);

/** The process that a temporary name is of, or undefined where the name is of another kind. */
export function temporaryOwner(name: string): number | undefined {
  const owner = /^\..+\.(\d+)\.tmp$/.exec(name)?.[1];
  return owner === undefined ? undefined : Number(owner);
}

/** Whether there is a process of this number, be it another user's. */
export function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes what a process that was killed while it wrote has left in a folder. */
export function removeTemporaries(folder: string): void {
  for (const name of listFolder(folder)) {
    if (temporaryOwner(name) !== undefined) rmSync(path.join(folder, name), { force: true });
  }
}

/**
 * Writes to a temporary name beside the target, flushes it to disk, and renames it. A link is followed, and a device or
 * pipe is written into as it is.
 * @throws InputError if the target cannot be written; the temporary file is removed.
 */
export function writeFile(file: string, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  try {
    const existing = existsSync(file) ? statSync(file) : undefined;
    if (existing?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    if (existing !== undefined && !existing.isFile()) writeBytes(file, bytes);
    else replaceFile(existing === undefined ? file : realpathSync(file), bytes);
  } catch (error) {
    throw new InputError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

function replaceFile(file: string, bytes: Uint8Array): void {
  const temporary = temporaryName(file);
  const descriptor = openSync(temporary, 'w');
  try {
    try {
      writeAll(descriptor, bytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeBytes(file: string, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'w');
  try {
    writeAll(descriptor, bytes);
  } finally {
    closeSync(descriptor);
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
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
