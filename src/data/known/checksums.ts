/** Checksums of a dataset's files, so that nothing is trained on that has changed since it was published or unpacked. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import { blocksOf, withFile } from '../../base/file-parts.ts';
import { readFile, writeFile } from '../../base/files.ts';

export interface Checksums {
  readonly kind: 'md5' | 'sha256';
  /** By file name, in hexadecimal. */
  readonly of: Readonly<Record<string, string>>;
  /** What to do about a file that is another one. */
  readonly remedy: string;
}

const sumOf = (file: string, kind: Checksums['kind']): string =>
  withFile(file, (opened) => {
    const hash = createHash(kind);
    for (const block of blocksOf(opened)) hash.update(block);
    return hash.digest('hex');
  });

/** @throws InputError if the file is not the official one of its name. */
export function checkSum(file: string, { kind, of, remedy }: Checksums): void {
  if (sumOf(file, kind) === of[path.basename(file)]) return;
  throw new InputError(
    `${file} is not the official file: its ${kind === 'md5' ? 'MD5' : 'SHA-256'} differs; ${remedy}`,
  );
}

const RECORD = 'checksums.json';

/**
 * Compares files with the record of them in their folder, which is made where there is none.
 * @throws InputError if one has changed since.
 */
export function checkUnpacked(folder: string, names: readonly string[]): void {
  const record = path.join(folder, RECORD);
  const sums = Object.fromEntries(names.map((name) => [name, sumOf(path.join(folder, name), 'md5')]));
  if (!existsSync(record)) {
    try {
      writeFile(record, `${JSON.stringify(sums, null, 2)}\n`);
    } catch {
      // A cache that belongs to somebody else is used as it is.
    }
    return;
  }
  let recorded: unknown;
  try {
    recorded = JSON.parse(readFile(record).toString());
  } catch {
    // A damaged record matches no file.
  }
  const before = Object(recorded) as Readonly<Record<string, unknown>>;
  const changed = names.find((name) => before[name] !== sums[name]);
  if (changed !== undefined || Object.keys(before).length !== names.length) {
    const what = changed === undefined ? folder : path.join(folder, changed);
    throw new InputError(
      `${what}: it has changed since it was unpacked; remove ${folder}, and it will be downloaded again`,
    );
  }
}
