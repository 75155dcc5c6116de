/** Files read and written with errors that a person can act on. A file is never seen half-written under its name. */

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from './errors.ts';

/** @throws InputError if the file cannot be read. */
export function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new InputError(`cannot read ${file}: ${describeSystemError(error)}`);
  }
}

/** @throws InputError if the folder cannot be made. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new InputError(`cannot create the folder ${folder}: ${describeSystemError(error)}`);
  }
}

/**
 * Writes to a temporary name beside the target, flushes it to disk, and renames it.
 * @throws InputError if the target cannot be written; the temporary file is removed.
 */
export function writeFile(file: string, content: string | Uint8Array): void {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    const descriptor = openSync(temporary, 'w');
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new InputError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}
