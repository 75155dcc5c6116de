/** Compiled kernels kept for the next process: a file each, named by all that decides what is in it. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../base/cache-folder.ts';
import { makeFolder, writeFile } from '../../base/files.ts';

/** The size of all files together: some hundred programs. */
const MOST_BYTES = 64 * 2 ** 20;

const digestOf = (content: string | Uint8Array): Buffer => createHash('sha256').update(content).digest();
const DIGEST_BYTES = 32;

/** A folder of images, each behind its own SHA-256. It saves time, and is never a reason to fail. */
export class KernelCache {
  private readonly folder: string;
  private readonly mostBytes: number;

  constructor(folder = path.join(cacheFolder(), 'cuda'), mostBytes = MOST_BYTES) {
    this.folder = folder;
    this.mostBytes = mostBytes;
  }

  /** What `make` makes of `parts`, which are all that decides it; from the folder where it is there, and whole. */
  image(parts: readonly string[], make: () => Uint8Array): Uint8Array {
    const file = path.join(this.folder, digestOf(JSON.stringify(parts)).toString('hex'));
    const kept = read(file);
    if (kept !== undefined) return kept;
    const image = make();
    try {
      makeFolder(this.folder);
      writeFile(file, Buffer.concat([digestOf(image), image]));
      this.trim();
    } catch {
      // It is compiled again the next time.
    }
    return image;
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

/** An image, which is marked as used just now; undefined where it is missing or damaged. */
function read(file: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(file);
    const image = Uint8Array.from(bytes.subarray(DIGEST_BYTES));
    if (!digestOf(image).equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
    markUsed(file);
    return image;
  } catch {
    return undefined;
  }
}

function markUsed(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Another user's, in a folder that several share.
  }
}
