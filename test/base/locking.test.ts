/** Of processes that want a lock at the same moment, one gets it. The built program, because each is a process of its own. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-locking-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROCESSES = 6;
const dist = (file: string): string => JSON.stringify(pathToFileURL(path.resolve('dist', file)).href);
/** All begin at the same moment, and hold what they got until all have tried. */
const PROGRAM = `
  import { takeLock } from ${dist('base/lock.js')};
  const [lock, at] = process.argv.slice(1);
  while (Date.now() < Number(at));
  try {
    takeLock(lock, () => 'refused');
    process.stdout.write('owner');
  } catch (error) {
    process.stdout.write(error.message);
  }
  setTimeout(() => {}, 500);`;

async function run(program: string, file: string, at: number): Promise<string> {
  const flags = ['--input-type=module', '-e', program, file, String(at)];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  return text;
}

describe('a lock that many processes want at once', () => {
  const leave: Readonly<Record<string, (lock: string) => void>> = {
    'that nobody has': () => {},
    'that is empty': (lock) => writeFileSync(lock, ''),
    'that a dead process has left': (lock) => writeFileSync(lock, String(spawnSync(process.execPath, ['-e', '']).pid)),
  };
  for (const [name, prepare] of Object.entries(leave)) {
    it(`${name} has one owner`, async () => {
      for (let round = 0; round < 2; round++) {
        const lock = path.join(folder, `${name}-${round}`);
        prepare(lock);
        const at = Date.now() + 1000;
        const said = await Promise.all(Array.from({ length: PROCESSES }, () => run(PROGRAM, lock, at)));
        expect(said.sort()).toEqual(['owner', ...Array(PROCESSES - 1).fill('refused')]);
      }
    });
  }
});

const MAKER = `
  import { makeFolder } from ${dist('base/files.js')};
  const [folder, at] = process.argv.slice(1);
  while (Date.now() < Number(at));
  try {
    for (let i = 0; i < 300; i++) makeFolder(folder + '/' + i + '/deep/deeper');
    process.stdout.write('made');
  } catch (error) {
    process.stdout.write(error.message);
  }`;

describe('a folder that many processes make at once', () => {
  it('is there for all of them', async () => {
    const at = Date.now() + 1000;
    const place = path.join(folder, 'made');
    const said = await Promise.all(Array.from({ length: PROCESSES }, () => run(MAKER, place, at)));
    expect(said).toEqual(Array(PROCESSES).fill('made'));
  });
});
