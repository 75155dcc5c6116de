/** Processes that compile the fixed part at the same moment do not disturb each other. The built program, because each is a process of its own. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { missing, titled } from './sources.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-objects-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROCESSES = 3;
const dist = (file: string): string => JSON.stringify(pathToFileURL(path.resolve('dist', file)).href);

/** A program that adds 1 to a number, compiled and run once. */
const PROGRAM = `
  import { openLibrary } from ${dist('engines/native/library.js')};
  while (Date.now() < Number(process.argv[1]));
  const library = await openLibrary(1);
  const number = library.allocate(4);
  const program = await library.compile(
    ['#include "vae.h"\\nVAE_EXPORT void vae_program(void *pool, void *number) { *(int *)number += 1; }']);
  await program.run(number);
  process.stdout.write(String(new Int32Array(library.view(number, 4))[0]));
  library.close();`;

async function run(at: number): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, String(at)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, VAE_DATA_DIR: folder },
  });
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  return text;
}

describe.skipIf(missing !== undefined)(titled('the objects of several processes'), () => {
  it('are whole, whoever made them, and are kept once', async () => {
    const at = Date.now() + 1500;
    expect(await Promise.all(Array.from({ length: PROCESSES }, () => run(at)))).toEqual(Array(PROCESSES).fill('1'));
    expect(readdirSync(path.join(folder, 'native'))).toHaveLength(2);
    // The next process finds them.
    expect(await run(0)).toBe('1');
    expect(readdirSync(path.join(folder, 'native'))).toHaveLength(2);
  });
});

/** A process that ends just behind a call, while threads of the fixed part have not yet gone to sleep. */
const ENDING = `
  import { openLibrary } from ${dist('engines/native/library.js')};
  const library = await openLibrary(4);
  const program = await library.compile([\`#include "pool.h"
    static void body(void *context, struct vae_worker *worker) {}
    VAE_EXPORT void vae_program(struct vae_pool *pool, void *context) { vae_run(pool, body, context); }\`]);
  for (let i = 0; i < 2000; i++) await program.run(library.allocate(8));
  program.release();`;

describe.skipIf(missing !== undefined)(titled('a process that ends'), () => {
  it('does not take what its threads run from under them', async () => {
    const end = () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', ENDING], { stdio: 'inherit' });
      return new Promise((resolve) => child.on('close', (code, signal) => resolve([code, signal])));
    };
    for (let i = 0; i < 3; i++) {
      // Several at a time, so that threads have to wait for a processor.
      expect(await Promise.all([end(), end(), end(), end()])).toEqual(Array(4).fill([0, null]));
    }
  });
});
