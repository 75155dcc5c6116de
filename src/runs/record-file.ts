/** Files that grow by one record a line, in the order of a number: of an epoch, or of a step. */

import { appendFileSync, closeSync, existsSync, lstatSync, statSync, truncateSync } from 'node:fs';
import { describeSystemError, InputError } from '../base/errors.ts';
import { blocksOf, openFile } from '../base/file-parts.ts';

/** A line of a file, without its end. */
interface Line {
  readonly text: string;
  /** Where it ends in the file, its line feed left out. */
  readonly end: number;
}

const LINE_FEED = 10;
/** No record is longer. */
const LONGEST = 2 ** 20;

/** The lines of a file, a part of it in memory at a time. One that is too long for a record is empty. */
function* linesOf(file: string): Generator<Line, void, undefined> {
  const opened = openFile(file);
  try {
    let pending: Buffer[] = [];
    let length = 0;
    let end = 0;
    const line = (): Line => {
      const text = length <= LONGEST ? Buffer.concat(pending).toString() : '';
      [pending, length] = [[], 0];
      return { text, end };
    };
    const add = (part: Buffer): void => {
      length += part.length;
      end += part.length;
      if (length <= LONGEST) pending.push(Buffer.from(part));
    };
    for (const block of blocksOf(opened)) {
      let from = 0;
      for (let feed = block.indexOf(LINE_FEED); feed >= 0; feed = block.indexOf(LINE_FEED, from)) {
        add(block.subarray(from, feed));
        yield line();
        end++;
        from = feed + 1;
      }
      add(block.subarray(from));
    }
    if (length > 0) yield line();
  } finally {
    closeSync(opened.descriptor);
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
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return;
  // What it leads to is not the run's to cut off.
  if (stats.isSymbolicLink()) throw new InputError(`${file} is a link; put the file itself in its place`);
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
