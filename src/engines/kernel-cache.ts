/** Compiled kernels kept for the next process: a file each, named by all that decides what is in it. */

import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
  utimesSync,
} from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../base/cache-folder.ts';
import { makeFolder, writeFile } from '../base/files.ts';

/** The size of all files together: some hundred programs. */
const MOST_BYTES = 64 * 2 ** 20;

const digestOf = (content: string | Uint8Array): Buffer => createHash('sha256').update(content).digest();
const DIGEST_BYTES = 32;

/**
 * A folder of images, each behind its own SHA-256. It saves time, and is never a reason to fail. What is in it is run, so a
 * folder into which others can write is not used.
 */
export class KernelCache {
  private readonly folder: string;
  private readonly mostBytes: number;

  constructor(folder = path.join(cacheFolder(), 'cuda'), mostBytes = MOST_BYTES) {
    this.folder = folder;
    this.mostBytes = mostBytes;
  }

  /** What `make` makes of `parts`, which are all that decides it; from the folder where it is there, and whole. */
  image(parts: readonly string[], make: () => Uint8Array): Uint8Array {
    const kept = this.kept(parts);
    if (kept !== undefined) return kept;
    const image = make();
    this.keep(parts, image);
    return image;
  }

  /** The image of `parts`, which is marked as used just now; undefined where it is missing or damaged. */
  kept(parts: readonly string[]): Uint8Array | undefined {
    try {
      return isPrivate(this.folder) ? read(this.fileOf(parts)) : undefined;
    } catch {
      return undefined;
    }
  }

  keep(parts: readonly string[], image: Uint8Array): void {
    try {
      makePrivate(this.folder);
      if (!isPrivate(this.folder)) return;
      const file = this.fileOf(parts);
      writeFile(file, Buffer.concat([digestOf(image), image]));
      // Where the usual mode lets a group write.
      chmodSync(file, 0o600);
      this.trim();
    } catch {
      // It is compiled again the next time.
    }
  }

  private fileOf(parts: readonly string[]): string {
    return path.join(this.folder, digestOf(JSON.stringify(parts)).toString('hex'));
  }

  /** Where the images are, how many, and their bytes. */
  contents(): { readonly folder: string; readonly images: number; readonly bytes: number } {
    try {
      const sizes = readdirSync(this.folder).map((name) => statSync(path.join(this.folder, name)).size);
      return { folder: this.folder, images: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
    } catch {
      return { folder: this.folder, images: 0, bytes: 0 };
    }
  }

  /** Removes what has not been used for the longest time. */
  private trim(): void {
    const files = readdirSync(this.folder).map((name) => {
      const file = path.join(this.folder, name);
      const { size, mtimeMs } = statSync(file);
      return { file, size, mtimeMs };
    });
    let bytes = 0;
    for (const { file, size } of files.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
      bytes += size;
      if (bytes > this.mostBytes) rmSync(file, { force: true });
    }
  }
}

/** Makes the folder, which its owner alone may read, where there is none. */
function makePrivate(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it since.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Windows has no such owners; there the user's folders are the user's alone. */
function isTrusted({ uid, mode }: Stats): boolean {
  const user = process.getuid?.();
  return user === undefined || ((uid === user || uid === 0) && (mode & 0o022) === 0);
}

function isPrivate(folder: string): boolean {
  const found = lstatSync(folder);
  return found.isDirectory() && isTrusted(found);
}

function read(file: string): Uint8Array | undefined {
  const opened = openSync(file, 'r');
  try {
    if (!isTrusted(fstatSync(opened))) return undefined;
    const bytes = readFileSync(opened);
    const image = Uint8Array.from(bytes.subarray(DIGEST_BYTES));
    if (!digestOf(image).equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
    markUsed(file);
    return image;
  } finally {
    closeSync(opened);
  }
}

function markUsed(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Made by root, for all.
  }
}
