/** Folders for what was downloaded or decoded once: a file arrives there whole or not at all. */

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../base/cache-folder.ts';
import { describeSystemError, InputError } from '../base/errors.ts';
import { isRunning, listFolder, makeFolder, temporaryOwner } from '../base/files.ts';

/** A folder in the cache, created if it is missing, without what interrupted processes left in it. */
export function cachedFolder(name: string): string {
  const folder = path.join(cacheFolder(), name);
  try {
    makeFolder(folder);
  } catch (error) {
    throw new InputError(`${(error as Error).message}; name another one in VAE_DATA_DIR`);
  }
  for (const entry of listFolder(folder)) {
    const owner = temporaryOwner(entry);
    if (owner !== undefined && !isOwned(owner)) removeIfAllowed(path.join(folder, entry));
  }
  return folder;
}

/** In a folder that several people share, the files of others stay. */
function removeIfAllowed(file: string): void {
  try {
    rmSync(file, { recursive: true, force: true });
  } catch {
    // It takes up space and does no harm.
  }
}

/** A lock that was cut short reads as 0, which is no process. */
const isOwned = (owner: number): boolean => owner > 0 && isRunning(owner);

/**
 * Does work in a folder of the cache that two processes must not do at the same time.
 * @throws InputError if another process is doing it.
 */
export async function exclusively<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = path.join(folder, '.lock');
  try {
    const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : Number.NaN;
    if (isOwned(owner)) {
      throw new InputError(
        `process ${owner} is preparing ${folder}; wait until it is done (or remove ${lock} if process ${owner} is not vae)`,
      );
    }
    rmSync(lock, { force: true });
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot write ${lock}: ${describeSystemError(error)}`);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}
