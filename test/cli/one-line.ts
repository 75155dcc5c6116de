/** What a mistake looks like from outside. */

import { readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { vae } from './vae.ts';

/** Runs the program in a folder: it says one line that contains `says`, ends with `code`, and writes nothing. */
export async function expectOneLine(
  folder: string,
  args: readonly string[],
  [code, says]: readonly [code: number, says: string],
): Promise<void> {
  const before = readdirSync(folder, { recursive: true }).sort();
  const finished = await vae(folder, ...args);
  expect(finished.stderr).toContain(says);
  expect(finished.stderr).toMatch(/^vae: [^\n]+\n$/);
  expect([finished.code, finished.stdout]).toEqual([code, '']);
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
}
