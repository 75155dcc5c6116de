/** A run small enough for tests: a hundred-odd drawn digits and a network of some hundred parameters. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';
import { loadDataset } from '../../src/data/index.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';
import { writeDigits } from '../data/digits.ts';
import { silent } from '../data/report.ts';

/** Four steps an epoch of 120 images, the last of them of another program. */
export const SMALL: RunConfig = {
  ...DEFAULTS,
  device: 'reference',
  threads: 1,
  hidden: [12],
  activation: ['tanh'],
  latent: 3,
  dropout: 0.1,
  batchSize: 32,
  epochs: 3,
  validation: 30,
  learningRate: 0.01,
};

/**
 * Drawn digits in a folder of their own, as long as a file's tests run: unless said, 120 for training, 30 set aside, and
 * 45 for tests.
 */
export function useDigits({ validation = 30, test = 45 } = {}): { readonly folder: string; dataset(): Dataset } {
  const folder = mkdtempSync(path.join(tmpdir(), 'vae-training-'));
  let dataset: Dataset;
  beforeAll(async () => {
    writeDigits(folder, 150, test);
    const options = { dataset: 'mnist', dataDir: folder, binarise: 'none', validation, seed: 1 } as const;
    dataset = await loadDataset(options, silent);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  return { folder, dataset: () => dataset };
}
