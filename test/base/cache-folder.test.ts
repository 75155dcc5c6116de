import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { cacheFolder } from '../../src/base/cache-folder.ts';
import { InputError } from '../../src/base/errors.ts';

const root = mkdtempSync(path.join(tmpdir(), 'vae-home-'));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

describe('the cache', () => {
  it.runIf(process.platform === 'linux')('of a user without a home is a temporary folder of theirs alone', () => {
    vi.stubEnv('TMPDIR', root);
    const own = path.join(root, `vae-${process.getuid?.()}`);
    for (const home of ['', 'not/absolute']) {
      vi.stubEnv('HOME', home);
      expect(cacheFolder({})).toBe(own);
      expect(statSync(own).mode & 0o777).toBe(0o700);
    }
    rmSync(own, { recursive: true });
    // What somebody else may have put there is not taken.
    symlinkSync('/usr', own);
    expect(() => cacheFolder({})).toThrow(
      `there is no home folder, and ${own} belongs to somebody else; name a folder in VAE_DATA_DIR`,
    );
    vi.stubEnv('TMPDIR', '/dev/null');
    expect(() => cacheFolder({})).toThrow(InputError);
  });

  it('is where VAE_DATA_DIR says', () => {
    expect(cacheFolder({ VAE_DATA_DIR: 'here' })).toBe(path.resolve('here'));
  });

  it.runIf(process.platform === 'linux')('is else where the system keeps such things', () => {
    expect(cacheFolder({})).toBe(path.join(homedir(), '.cache', 'vae'));
    expect(cacheFolder({ VAE_DATA_DIR: '', XDG_CACHE_HOME: '/var/cache' })).toBe('/var/cache/vae');
    expect(cacheFolder({ XDG_CACHE_HOME: 'relative' })).toBe(path.join(homedir(), '.cache', 'vae'));
  });
});
