/** Small models and pictures for commands to look at. */

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { encodePng } from '../../src/data/pictures/png.ts';
import { SIDE, writeDigits } from '../data/digits.ts';
import { vae } from './vae.ts';

export const TEST_IMAGES = 40;

/** Latents of the models, by their names. */
const MODELS = { line: '1', plane: '2', model: '5' } as const;

/** A vertical bar in one column. */
const bar = (column: number): Buffer =>
  encodePng(
    SIDE,
    SIDE,
    1,
    Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE === column ? 255 : 0)),
  );

/** Trains the models into folders of their names; `mine/a.png` has its bar in column 5, `mine/b.png` in column 2. */
export async function makeModels(folder: string): Promise<void> {
  writeDigits(path.join(folder, 'data'), 200, TEST_IMAGES);
  const settings = '--data-dir data --hidden 16 --batch-size 20 --epochs 4 --seed 1 --validation 20'.split(' ');
  for (const [name, latent] of Object.entries(MODELS)) {
    const { code, stderr } = await vae(folder, 'train', ...settings, '--latent', latent, '--out', name);
    expect(code, stderr).toBe(0);
  }
  mkdirSync(path.join(folder, 'mine'));
  writeFileSync(path.join(folder, 'mine', 'b.png'), bar(2));
  writeFileSync(path.join(folder, 'mine', 'a.png'), bar(5));
}
