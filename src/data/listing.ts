/** The picture files in a folder and in those below it. */

import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { describeSystemError, InputError } from '../base/errors.ts';

export interface ListedFile {
  /** Relative to the folder, with "/" between its parts. */
  readonly name: string;
  readonly bytes: number;
  /** When it was changed, in milliseconds. */
  readonly modified: number;
}

export interface Listing {
  /** By name, in the order of its characters' codes. */
  readonly images: readonly ListedFile[];
  /** Files that are not pictures, by their names. */
  readonly others: number;
  /** One line for everything that could not be read. */
  readonly problems: readonly string[];
}

const IMAGE = /\.(png|jpe?g|jpe|jfif|webp|avif|hei[cf]|tiff?|gif|bmp)$/i;

/** No useful picture is larger. */
const MOST_BYTES = 2 ** 29;

/** A name as it can be shown in one line of a terminal. */
export const printable = (name: string): string => name.replace(/\p{Cc}/gu, '\ufffd');

/**
 * Hidden files and folders are left out; links are followed, and no folder is visited twice.
 * @throws InputError if the folder cannot be read; anything in it that cannot be read becomes a problem.
 */
export function listImages(root: string): Listing {
  const images: ListedFile[] = [];
  const problems: string[] = [];
  const visited = new Set<string>();
  let others = 0;

  const visit = (folder: string): void => {
    const full = path.join(root, folder);
    const real = realpathSync(full);
    if (visited.has(real)) return;
    visited.add(real);
    const entries: Dirent[] = readdirSync(full, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (!entry.name.startsWith('.')) look(folder === '' ? entry.name : `${folder}/${entry.name}`, entry);
    }
  };

  const look = (name: string, entry: Dirent): void => {
    const picture = IMAGE.test(name);
    // A dataset's folder has many files about which nothing more is needed.
    if (entry.isFile() && !picture) {
      others++;
      return;
    }
    try {
      const found = statSync(path.join(root, name));
      if (found.isDirectory()) visit(name);
      else if (!found.isFile() || !picture) others++;
      else if (found.size > MOST_BYTES) problems.push(`${printable(name)}: ${found.size} bytes are too many`);
      else images.push({ name, bytes: found.size, modified: found.mtimeMs });
    } catch (error) {
      problems.push(`${printable(name)}: ${describeSystemError(error)}`);
    }
  };

  try {
    visit('');
  } catch (error) {
    throw new InputError(`cannot read ${root}: ${describeSystemError(error)}`);
  }
  return { images: images.sort((a, b) => (a.name < b.name ? -1 : 1)), others, problems };
}
