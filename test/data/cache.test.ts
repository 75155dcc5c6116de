import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { exclusively } from '../../src/data/cache.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-cache-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('work on a folder', () => {
  it('is of one process at a time', async () => {
    const result = await exclusively(folder, async () => {
      await expect(exclusively(folder, async () => 'second')).rejects.toThrow(
        `process ${process.pid} is preparing ${folder}; wait until it is done`,
      );
      return 'first';
    });
    expect(result).toBe('first');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('may begin after it failed, and after a process that died', async () => {
    await expect(exclusively(folder, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    for (const owner of ['99999999', '', 'text']) {
      writeFileSync(path.join(folder, '.lock'), owner);
      expect(await exclusively(folder, async () => 'done')).toBe('done');
    }
    expect(readdirSync(folder)).toEqual([]);
  });
});
