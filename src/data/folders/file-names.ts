/**
 * Names of files as text, and back. A name that is not UTF-8, as old archives leave them, keeps each of its strange
 * bytes as one lone surrogate (U+DC80 to U+DCFF), which no real text has: nothing is lost.
 */

import { isUtf8 } from 'node:buffer';
import path from 'node:path';

const ESCAPE = 0xdc00;
const ESCAPED = /[\udc80-\udcff]/u;
/** Of one character. */
const LONGEST = 4;

/** The name that these bytes are. */
export function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let name = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, LONGEST].find((size) => isUtf8(bytes.subarray(at, at + size)));
    name += length === undefined ? String.fromCharCode(ESCAPE + bytes[at]) : bytes.toString('utf8', at, at + length);
    at += length ?? 1;
  }
  return name;
}

/** A folder's file as the system knows it: its bytes where text cannot say them. */
export function pathOf(folder: string, name: string): string | Buffer {
  const file = path.join(folder, name);
  if (!ESCAPED.test(file)) return file;
  return Buffer.concat(
    [...file].map((character) =>
      ESCAPED.test(character) ? Buffer.of(character.charCodeAt(0) - ESCAPE) : Buffer.from(character),
    ),
  );
}
