/** The folder for what was downloaded or decoded once: where it is, and how files get there whole or not at all. */

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import path from 'node:path';
import { describeSystemError, InputError } from '../errors.ts';
import { isRunning, listFolder, makeFolder, temporaryOwner } from '../files.ts';

/** VAE_DATA_DIR where it is set, else the usual place of the operating system. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { VAE_DATA_DIR, XDG_CACHE_HOME, LOCALAPPDATA } = environment;
  if (VAE_DATA_DIR) return path.resolve(VAE_DATA_DIR);
  if (platform() === 'darwin') return path.join(homedir(), 'Library', 'Caches', 'vae');
  if (platform() === 'win32') return path.join(LOCALAPPDATA || path.join(homedir(), 'AppData', 'Local'), 'vae');
  return path.join(XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'vae');
}

/** A folder in the cache, made where it is missing, without what interrupted processes left in it. */
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

/** In a folder that several people share, what others have left is theirs. */
function removeIfAllowed(file: string): void {
  try {
    rmSync(file, { recursive: true, force: true });
  } catch {
    // It takes up room, and does no harm.
  }
}

/** Zero, which is no process, stands in a lock that was cut short. */
const isOwned = (owner: number): boolean => owner > 0 && isRunning(owner);

/**
 * Does something with a folder of the cache that two processes must not do at once.
 * @throws InputError if another process is at it.
 */
export async function exclusively<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = path.join(folder, '.lock');
  try {
    const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : Number.NaN;
    if (isOwned(owner)) {
      throw new InputError(
        `process ${owner} is preparing ${folder}; wait until it is done (or remove ${lock} if that process is not a vae)`,
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
