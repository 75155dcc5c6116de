import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { unpackFolder } from '../../src/data/known/unpack.ts';
import { type Entry, tarArchive } from './tar.ts';

const root = mkdtempSync(path.join(tmpdir(), 'vae-unpack-'));
afterAll(() => rmSync(root, { recursive: true }));

/** Unpacks the folder "data" of the archive in a folder of its own; what is there afterwards. */
async function unpack(archive: Buffer): Promise<{ readonly error: unknown; readonly left: string[] }> {
  const folder = path.join(root, 'inside', 'it');
  rmSync(path.dirname(folder), { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'archive.tar.gz');
  writeFileSync(file, archive);
  const error = await unpackFolder(file, 'data').catch((reason) => reason);
  expect(readdirSync(root)).toEqual(['inside']);
  expect(readdirSync(path.dirname(folder))).toEqual(['it']);
  return { error, left: readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort() };
}

const good: Entry = { name: 'data/a.bin', content: Buffer.from('content') };

describe('an archive', () => {
  it('is unpacked into its folder', async () => {
    const { error, left } = await unpack(tarArchive([{ name: 'data/', type: '5' }, good]));
    expect([error, left]).toEqual([undefined, ['archive.tar.gz', 'data', 'data/a.bin']]);
    expect(readFileSync(path.join(root, 'inside', 'it', 'data', 'a.bin'), 'utf8')).toBe('content');
  });

  const wrong: Record<string, Entry> = {
    'a way out': { name: 'data/../../x', content: Buffer.from('x') },
    'a way from the root': { name: `${root}/x`, content: Buffer.from('x') },
    'a symbolic link': { name: 'data/link', type: '2', target: '/etc/passwd' },
    'a hard link': { name: 'data/link', type: '1', target: 'data/a.bin' },
    'a device': { name: 'data/device', type: '3' },
    'a folder of another name': { name: 'other/', type: '5' },
    'a folder in its folder': { name: 'data/deeper/a.bin' },
    'a file in the place of its folder': { name: 'data' },
  };
  for (const [name, entry] of Object.entries(wrong)) {
    it(`with ${name} is refused`, async () => {
      const { error, left } = await unpack(tarArchive([good, entry]));
      expect(error).toBeInstanceOf(InputError);
      expect((error as Error).message).toMatch(/^cannot unpack .*archive\.tar\.gz: /);
      expect(left).toEqual(['archive.tar.gz']);
    });
  }

  it('that is damaged is refused', async () => {
    const whole = tarArchive([good]);
    for (const broken of [whole.subarray(0, whole.length - 12), Buffer.from('text'), tarArchive([])]) {
      const { error, left } = await unpack(broken);
      expect(error).toBeInstanceOf(InputError);
      expect(left).toEqual(['archive.tar.gz']);
    }
  });

  it('with any names writes nothing outside its folder', async () => {
    const segment = fc.constantFrom('data', '..', '.', '', 'a.bin', 'x', 'C:', '\\', 'data\\..', '~');
    const name = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
    const entry = fc.record({ name, type: fc.constantFrom('0', '1', '2', '5'), target: name });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 4 }), async (entries) => {
        const { error, left } = await unpack(tarArchive([...entries, good]));
        if (error !== undefined) expect(error).toBeInstanceOf(InputError);
        expect(left.filter((file) => file !== 'archive.tar.gz' && !/^data(\/[\w.]+)?$/.test(file))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
