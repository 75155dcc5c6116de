/** Files that grow by one record a line, in the order of a number: of an epoch, or of a step. */

import { appendFileSync, closeSync, existsSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { describeSystemError, InputError } from '../base/errors.ts';

/** A line of a file, without its end. */
interface Line {
  readonly text: string;
  /** Where it ends in the file, its line feed left out. */
  readonly end: number;
}

const CHUNK = 2 ** 16;
const LINE_FEED = 10;

/** The lines of a file, a part of it in memory at a time. */
function* linesOf(file: string): Generator<Line, void, undefined> {
  const descriptor = openSync(file, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK);
    let pending = Buffer.alloc(0);
    let at = 0;
    for (;;) {
      const read = readSync(descriptor, chunk, 0, CHUNK, at + pending.length);
      if (read === 0) break;
      pending = Buffer.concat([pending, chunk.subarray(0, read)]);
      for (let feed = pending.indexOf(LINE_FEED); feed >= 0; feed = pending.indexOf(LINE_FEED)) {
        yield { text: pending.toString('utf8', 0, feed), end: at + feed };
        at += feed + 1;
        pending = pending.subarray(feed + 1);
      }
    }
    if (pending.length > 0) yield { text: pending.toString(), end: at + pending.length };
  } finally {
    closeSync(descriptor);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value that was read is a record, whole and of the kind that the file holds. */
export type IsRecord = (value: unknown) => boolean;

/**
 * The records of a file, none where there is no file. A line that a crash has cut short, or that is something else, is
 * left out.
 */
export function* readRecords<Record>(file: string, isRecord: IsRecord): Generator<Record, void, undefined> {
  if (!existsSync(file)) return;
  try {
    for (const { text } of linesOf(file)) {
      const value = parse(text);
      if (isRecord(value)) yield value as Record;
    }
  } catch (error) {
    throw new InputError(`cannot read ${file}: ${describeSystemError(error)}`);
  }
}

export function appendRecord(file: string, record: object): void {
  try {
    appendFileSync(file, `${JSON.stringify(record)}\n`);
  } catch (error) {
    throw new InputError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

/** Cuts off everything behind the last record that is kept: later records, and a line that was cut short. */
export function keepRecords<Record>(file: string, isRecord: IsRecord, isKept: (record: Record) => boolean): void {
  if (!existsSync(file)) return;
  try {
    let end = 0;
    for (const line of linesOf(file)) {
      const value = parse(line.text);
      if (isRecord(value) && isKept(value as Record)) end = line.end;
    }
    // A record may lack its line feed alone.
    const whole = end === 0 ? 0 : end + 1;
    if (statSync(file).size < whole) appendFileSync(file, '\n');
    else truncateSync(file, whole);
  } catch (error) {
    throw new InputError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}
