/** Folders for what was downloaded or decoded once: a file arrives there whole or not at all. */

import path from 'node:path';
import { cacheFolder } from '../base/cache-folder.ts';
import { InputError } from '../base/errors.ts';
import { hasEnded, makeFolder, removeTemporaries } from '../base/files.ts';
import { takeLock } from '../base/lock.ts';

/** A folder in the cache, created if it is missing, without what interrupted processes left in it. */
export function cachedFolder(name: string): string {
  const folder = path.join(cacheFolder(), name);
  try {
    makeFolder(folder);
  } catch (error) {
    throw new InputError(`${(error as Error).message}; name another one in VAE_DATA_DIR`);
  }
  removeTemporaries(folder, hasEnded);
  return folder;
}

/**
 * Does work in a folder of the cache that two processes must not do at the same time.
 * @throws InputError if another process is doing it.
 */
export async function exclusively<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = path.join(folder, '.lock');
  const release = takeLock(
    lock,
    (owner) =>
      `process ${owner} is preparing ${folder}; wait until it is done (or remove ${lock} if process ${owner} is not vae)`,
  );
  try {
    return await work();
  } finally {
    release();
  }
}
