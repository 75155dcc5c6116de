/** Puts an export's files in place together: an old file is never seen beside a new one. */

import { lstatSync, readdirSync, renameSync, rmSync, type Stats } from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from '../../base/errors.ts';

import { hasEnded, makeFolder, quietly, removeTemporaries, temporaryName, writeFile } from '../../base/files.ts';

interface ExportedFile {
  /** Relative to the export's folder. */
  readonly name: string;
  readonly content: string | Uint8Array;
}

const topOf = (name: string): string => name.split('/')[0];

/**
 * Writes all files under a temporary name, removes those of an earlier export, and renames the new ones.
 * @param slots every file or folder that an export of this format may write.
 * @throws InputError if a slot holds something that must not be replaced, or a file cannot be written; then nothing has
 *   changed.
 */
export function replaceFiles(
  folder: string,
  files: readonly ExportedFile[],
  slots: readonly string[],
  force: boolean,
): void {
  const taken = slots.filter((slot) => statsOf(path.join(folder, slot)) !== undefined);
  if (taken.length > 0 && !force) {
    const name = path.join(folder, taken[0]);
    throw new InputError(`${name}: it exists already; name another folder with --out, or replace with --force`);
  }
  for (const slot of taken) expectEarlierExport(path.join(folder, slot), !slot.includes('.'));
  makeFolder(folder);
  removeTemporaries(folder, hasEnded);
  const stage = temporaryName(path.join(folder, 'export'));
  try {
    for (const { name, content } of files) {
      makeFolder(path.dirname(path.join(stage, name)));
      writeFile(path.join(stage, name), content);
    }
    for (const slot of taken) rmSync(path.join(folder, slot), { recursive: true });
    for (const top of new Set(files.map(({ name }) => topOf(name)))) {
      renameSync(path.join(stage, top), path.join(folder, top));
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot write into ${folder}: ${describeSystemError(error)}`);
  } finally {
    quietly(() => rmSync(stage, { recursive: true, force: true }));
  }
}

/** Of a link, not its target; undefined if there is nothing of that name, or it cannot be reached. */
function statsOf(file: string): Stats | undefined {
  try {
    return lstatSync(file);
  } catch {
    return undefined;
  }
}

/** A folder of an earlier export contains a model, or is empty. */
function expectEarlierExport(name: string, isFolder: boolean): void {
  const folder = statsOf(name)?.isDirectory() ?? false;
  const content = folder ? readdirSync(name) : [];
  if (folder === isFolder && (content.length === 0 || content.includes('model.json'))) return;
  throw new InputError(`${name}: it is not an earlier export, so it is not replaced; name another folder with --out`);
}
