/** The picture files in a folder and in those below it. */

import { type Dirent, existsSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { describeSystemError, InputError } from '../../base/errors.ts';
import { printable } from '../../base/words.ts';
import { DEBRIS } from '../folder-entries.ts';
import { nameOf, pathOf } from './file-names.ts';

export interface ListedFile {
  /** Relative to the folder, with "/" between its parts. */
  readonly name: string;
  readonly bytes: number;
  /** When its content was changed, in milliseconds; programs that copy may set it. */
  readonly modified: number;
  /** When anything of it was changed, in milliseconds; nobody can set it. */
  readonly changed: number;
  readonly inode: number;
}

export interface Listing {
  /** By name, in the order of its characters' codes. */
  readonly images: readonly ListedFile[];
  /** Files that are not pictures, by their names. */
  readonly others: number;
  /** Folders of runs, whose pictures are results. */
  readonly runs: readonly string[];
  /** Links to folders that are read elsewhere. */
  readonly links: readonly string[];
  /** One line for everything that could not be read. */
  readonly problems: readonly string[];
}

const IMAGE = /\.(png|jpe?g|jpe|jfif|webp|avif|hei[cf]|tiff?|gif|bmp)$/i;

/** No useful picture is larger. */
const MOST_BYTES = 2 ** 29;

/** Folders of the system: their files may never end. People do keep pictures in /dev/shm. */
const OF_THE_SYSTEM = /^\/((proc|sys|dev(?!\/shm))(\/|$)|$)/;

/** A folder of images has more of them: after so many entries with fewer than one image in a thousand, it is none. */
const PATIENCE = 1_000_000;
const LEAST_SHARE = 1 / 1000;
const MOST_ENTRIES = 20_000_000;

/**
 * Hidden files and folders are left out. Links to folders are followed after all others, and no folder is visited twice.
 * @throws InputError if the folder cannot be read, or is too large to be one of images; anything in it that cannot be
 *   read becomes a problem.
 */
export function listImages(root: string): Listing {
  const images: ListedFile[] = [];
  const problems: string[] = [];
  const runs: string[] = [];
  const links: string[] = [];
  const visited = new Set<string>();
  /** Links to folders, still to be followed. */
  const ahead: string[] = [];
  let others = 0;
  let entries = 0;

  const visit = (folder: string): void => {
    const full = pathOf(root, folder);
    const real = realpathSync.native(full, 'buffer').toString('latin1');
    if (visited.has(real)) {
      links.push(folder);
      return;
    }
    visited.add(real);
    if (OF_THE_SYSTEM.test(real)) {
      if (folder === '') throw new Error('it is a folder of the system, not of images');
      return;
    }
    for (const { name, entry } of entriesOf(full)) {
      if (name.startsWith('.') || DEBRIS.includes(name)) continue;
      entries++;
      checkWorth(root, entries, images.length);
      look(folder === '' ? name : `${folder}/${name}`, entry);
    }
  };

  const look = (name: string, entry: Dirent<Buffer>): void => {
    const picture = IMAGE.test(name);
    // A dataset's folder has many files about which nothing more is needed.
    if (entry.isFile() && !picture) {
      others++;
      return;
    }
    attempt(problems, name, () => {
      const found = statSync(pathOf(root, name));
      if (found.isDirectory()) {
        if (entry.isSymbolicLink()) ahead.push(name);
        else enter(name);
      } else if (!found.isFile() || !picture) others++;
      else if (found.size > MOST_BYTES) problems.push(`${printable(name)}: ${found.size} bytes are too many`);
      else images.push(listed(name, found));
    });
  };

  const enter = (name: string): void => {
    if (isRun(root, name)) runs.push(name);
    else visit(name);
  };

  try {
    visit('');
    for (const name of ahead) attempt(problems, name, () => enter(name));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot read ${root}: ${describeSystemError(error)}`);
  }
  return { images: images.sort((a, b) => (a.name < b.name ? -1 : 1)), others, runs, links, problems };
}

const listed = (name: string, { size, mtimeMs, ctimeMs, ino }: Stats): ListedFile => ({
  name,
  bytes: size,
  modified: mtimeMs,
  changed: ctimeMs,
  inode: ino,
});

/** Does something with an entry; what the system refuses becomes a problem. */
function attempt(problems: string[], name: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof InputError) throw error;
    problems.push(`${printable(name)}: ${describeSystemError(error)}`);
  }
}

/** @throws InputError if so many entries have so few images among them that this is no folder of images. */
function checkWorth(root: string, entries: number, images: number): void {
  if (entries <= MOST_ENTRIES && (entries < PATIENCE || images >= entries * LEAST_SHARE)) return;
  throw new InputError(
    `${root}: this is no folder of images: of the first ${entries} files and folders in it ${images} are images; name the folder that has them`,
  );
}

/** What is in a folder, by name. Read as bytes: a name need not be text. */
function entriesOf(folder: string | Buffer): { readonly name: string; readonly entry: Dirent<Buffer> }[] {
  const entries = readdirSync(folder, { withFileTypes: true, encoding: 'buffer' });
  return entries.map((entry) => ({ name: nameOf(entry.name), entry })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Of this program: a training keeps its settings beside its checkpoints. */
const isRun = (root: string, name: string): boolean =>
  ['config.json', 'checkpoints'].every((own) => existsSync(pathOf(root, `${name}/${own}`)));
