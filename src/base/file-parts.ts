/** Files of any size, read in parts: Node reads no more than 2 GiB at a time, and waits for ever on a pipe. */

import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { describeSystemError, InputError } from './errors.ts';

/** The system reads and writes no more in one call. */
export const MOST_AT_ONCE = 2 ** 30;

/** What is no file: a pipe that nobody writes into never answers, and a device such as /dev/zero never ends. */
function kindOf(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'a folder';
  return stats.isFIFO() ? 'a pipe' : stats.isSocket() ? 'a socket' : 'a device';
}

export interface OpenFile {
  readonly descriptor: number;
  readonly bytes: number;
}

/**
 * Opens a file for reading; its descriptor is the caller's to close.
 * @throws Error if it is no file, or cannot be opened.
 */
export function openFile(file: string | Buffer): OpenFile {
  // Before it is opened: that alone would wait for the other end of a pipe.
  const kind = kindOf(statSync(file));
  if (kind !== undefined) throw new Error(`it is ${kind}, not a file`);
  const descriptor = openSync(file, 'r');
  return { descriptor, bytes: fstatSync(descriptor).size };
}

/**
 * Works with a file, which is closed afterwards unless `work` keeps it.
 * @param work gets the open file, and a function that keeps it open.
 * @throws InputError if it cannot be read, or is a pipe or a device.
 */
export function withFile<T>(file: string | Buffer, work: (opened: OpenFile, keep: () => void) => T): T {
  let opened: OpenFile | undefined;
  let isKept = false;
  try {
    opened = openFile(file);
    return work(opened, () => {
      isKept = true;
    });
  } catch (error) {
    isKept = false;
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot read ${file}: ${describeSystemError(error)}`);
  } finally {
    if (opened !== undefined && !isKept) closeSync(opened.descriptor);
  }
}

/** @throws Error if the file ends before `out` is full. */
export function readFully(descriptor: number, out: Uint8Array, position: number): void {
  for (let done = 0; done < out.length; ) {
    const read = readSync(descriptor, out, done, Math.min(MOST_AT_ONCE, out.length - done), position + done);
    if (read === 0) throw new Error('it has become shorter');
    done += read;
  }
}

/** All of a file's bytes from a position on. */
export function readFrom({ descriptor, bytes }: OpenFile, position = 0): Buffer {
  const out = Buffer.alloc(bytes - position);
  readFully(descriptor, out, position);
  return out;
}

/** The bytes of a file from a position on, in blocks that share one buffer. */
export function* blocksOf({ descriptor, bytes }: OpenFile, position = 0): Generator<Buffer> {
  const block = Buffer.alloc(Math.min(2 ** 22, bytes - position));
  for (let at = position; at < bytes; at += block.length) {
    const part = block.subarray(0, Math.min(block.length, bytes - at));
    readFully(descriptor, part, at);
    yield part;
  }
}
