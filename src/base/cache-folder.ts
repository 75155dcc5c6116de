/** Where this program keeps what it can make or get again. */

import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir, platform, tmpdir } from 'node:os';
import path from 'node:path';
import { describeSystemError, InputError } from './errors.ts';

/** VAE_DATA_DIR where it is set, else the usual place of the operating system, else one among its temporary files. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { VAE_DATA_DIR, XDG_CACHE_HOME, LOCALAPPDATA } = environment;
  if (VAE_DATA_DIR) return path.resolve(VAE_DATA_DIR);
  const system = platform();
  const named = system === 'win32' ? LOCALAPPDATA : system === 'darwin' ? undefined : XDG_CACHE_HOME;
  // A relative one would be another folder in every folder.
  if (named && path.isAbsolute(named)) return path.join(named, 'vae');
  const home = homeFolder();
  if (home === undefined) return temporaryCache();
  return path.join(home, ...(USUAL[system] ?? ['.cache']), 'vae');
}

/** Below a user's own folder. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  darwin: ['Library', 'Caches'],
  win32: ['AppData', 'Local'],
};

/** None of a user without one, as services and containers have. */
export function homeFolder(): string | undefined {
  try {
    const home = homedir();
    return path.isAbsolute(home) ? home : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A folder of this user alone: what another user has put there is not to be trusted.
 * @throws InputError if it is not this user's.
 */
function temporaryCache(): string {
  const user = process.getuid?.();
  const folder = path.join(tmpdir(), `vae-${user ?? 'cache'}`);
  try {
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    const found = lstatSync(folder);
    if (found.isDirectory() && (user === undefined || found.uid === user)) return folder;
  } catch (error) {
    throw new InputError(`there is no home folder, and ${folder}: ${describeSystemError(error)}; ${NAME_ONE}`);
  }
  throw new InputError(`there is no home folder, and ${folder} belongs to somebody else; ${NAME_ONE}`);
}

const NAME_ONE = 'name a folder in VAE_DATA_DIR';
