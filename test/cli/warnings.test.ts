/** A training that does not use its latents says so: once, on stderr, with its figure and what to do. */

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { yardstickLine } from '../../src/cli/train/lines.ts';
import { warningOf } from '../../src/cli/train/warnings.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';
import { writeDigits } from '../data/digits.ts';
import { temporaryFolder, vae } from './vae.ts';

const { folder, remove } = temporaryFolder();
const data = path.join(folder, 'data');
beforeAll(() => writeDigits(data, 600, 60));
afterAll(remove);

const SETTINGS = ['--data-dir', data, '--hidden', '24', '--batch-size', '16', '--seed', '5'];
const train = (name: string, ...more: string[]) => vae(folder, 'train', ...SETTINGS, '--out', name, ...more);
const warningsIn = (stderr: string): string[] => stderr.split('\n').filter((line) => line.startsWith('warning: '));

describe('a run that collapses', () => {
  it('warns of each sign once, and once more when it is resumed', async () => {
    const { code, stderr } = await train('collapsed', '--beta', '100', '--initial-bias', 'data-alone', '--epochs', '9');
    expect(code).toBe(0);
    const warnings = warningsIn(stderr);
    expect(warnings.filter((line) => /^warning: the KL is 0\.\d\d nats per image, .*--beta 1/.test(line))).toHaveLength(
      1,
    );
    expect(warnings.filter((line) => line.includes('the samples are all alike'))).toHaveLength(1);
    expect(new Set(warnings).size).toBe(warnings.length);

    const again = await vae(folder, 'train', '--resume', 'collapsed', '--epochs', '12');
    expect(warningsIn(again.stderr).filter((line) => line.includes('the KL is'))).toHaveLength(1);
  });

  it('keeps what it is compared with', async () => {
    const { withoutLatents } = JSON.parse(readFileSync(path.join(folder, 'collapsed', 'environment.json'), 'utf8'));
    expect(withoutLatents).toBeLessThan(0);
  });
});

describe('a run without reason to', () => {
  it('warns of nothing, and says what it is compared with', async () => {
    const { stderr } = await train('healthy', '--epochs', '9');
    expect(stderr).toMatch(/^without latents, one distribution per pixel for all images: −\d+\.\d\d nats$/m);
    expect(warningsIn(stderr)).toEqual([]);
  });

  it('has no such number where there is no prior, but its pictures', async () => {
    const { stderr } = await train('plain', '--epochs', '1', '--objective', 'autoencoder', '--posterior', 'point');
    expect(stderr).not.toContain('without latents');
    expect(existsSync(path.join(folder, 'plain', 'samples', 'epoch-0001.png'))).toBe(true);
  });
});

describe('a warning', () => {
  const config: RunConfig = { ...DEFAULTS, threads: 1 };

  it('names the flags that the run can be given', () => {
    const sign = { kind: 'no information', kl: 0.013 } as const;
    expect(warningOf(sign, config)).toBe(
      'warning: the KL is 0.01 nats per image, so the latents say almost nothing of an image; try --kl-warm-up, a --beta below 1, --free-bits, a lower --learning-rate or another --activation',
    );
    expect(warningOf(sign, { ...config, beta: 4, klWarmUp: 100 })).toContain('try --beta 1, --free-bits, ');
    expect(warningOf(sign, { ...config, objective: 'iwae' })).toContain('image; try a lower --learning-rate');
  });

  it('of a bound has both numbers', () => {
    const sign = { kind: 'no gain', bound: -207.5, withoutLatents: -206 } as const;
    expect(warningOf(sign, config)).toContain(
      'the test bound, −207.50, is below the −206.00 nats that need no latents; try longer training, --initial-bias data,',
    );
    expect(warningOf(sign, { ...config, beta: 0.5 })).toContain('the test bound with β = 0.5, −207.50, is');
  });

  it('of samples has their share of the variance', () => {
    expect(warningOf({ kind: 'no variety', share: 0.0072 }, config)).toContain(
      "the samples are all alike: their pixels have 0.72 % of the training images' variance",
    );
  });
});

describe('what a bound is compared with', () => {
  it('is in bits too where the bound is', () => {
    const bytes: RunConfig = { ...DEFAULTS, threads: 1, likelihood: 'discretised-logistic' };
    expect(yardstickLine(-1499.34, 784, bytes)).toBe(
      'without latents, one distribution per pixel for all images: −1499.34 nats, 2.76 bits/dim; uniform noise: 8 bits/dim',
    );
    const binary: RunConfig = { ...DEFAULTS, threads: 1, binarize: 'static' };
    expect(yardstickLine(-206, 784, binary)).toMatch(/uniform noise: 1 bit\/dim$/);
  });
});
