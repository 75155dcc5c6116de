/** Where this program keeps what it can make or get again. */

import { homedir, platform } from 'node:os';
import path from 'node:path';

/** VAE_DATA_DIR where it is set, else the usual place of the operating system. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { VAE_DATA_DIR, XDG_CACHE_HOME, LOCALAPPDATA } = environment;
  if (VAE_DATA_DIR) return path.resolve(VAE_DATA_DIR);
  if (platform() === 'darwin') return path.join(homedir(), 'Library', 'Caches', 'vae');
  if (platform() === 'win32') return path.join(LOCALAPPDATA || path.join(homedir(), 'AppData', 'Local'), 'vae');
  return path.join(XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'vae');
}
