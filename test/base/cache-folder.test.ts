import { homedir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { cacheFolder } from '../../src/base/cache-folder.ts';

describe('the cache', () => {
  it('is where VAE_DATA_DIR says', () => {
    expect(cacheFolder({ VAE_DATA_DIR: 'here' })).toBe(path.resolve('here'));
  });

  it.runIf(process.platform === 'linux')('is else where the system keeps such things', () => {
    expect(cacheFolder({})).toBe(path.join(homedir(), '.cache', 'vae'));
    expect(cacheFolder({ VAE_DATA_DIR: '', XDG_CACHE_HOME: '/var/cache' })).toBe('/var/cache/vae');
  });
});
