/** vae config: what vae train would use, and why. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inColumns } from '../../src/cli/shared/columns.ts';
import { encodePng } from '../../src/data/pictures/png.ts';
import { writeDigits } from '../data/digits.ts';
import { type Finished, temporaryFolder, vaeWith } from './vae.ts';

const { folder, remove } = temporaryFolder();
const { folder: cache, remove: removeCache } = temporaryFolder();
const vae = (...args: string[]): Promise<Finished> => vaeWith({ VAE_DATA_DIR: cache }, folder, ...args);
const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
beforeAll(() => {
  writeDigits(inFolder('digits'), 60, 20);
  for (const [name, channels] of [
    ['colour', 3],
    ['grey', 1],
  ] as const) {
    mkdirSync(inFolder(name));
    for (let i = 0; i < 20; i++) {
      const picture = Uint8Array.from({ length: 256 * channels }, (_, j) => (7 * i + 11 * j) % 256);
      writeFileSync(inFolder(name, `${i}.png`), encodePng(16, 16, channels, picture));
    }
  }
});
afterAll(() => {
  remove();
  removeCache();
});

/** Its settings by their flags, each as `[value, origin]`; the columns are two spaces apart at least. */
async function table(...args: string[]) {
  const { code, stdout, stderr } = await vae('config', ...args);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('vae: ')]);
  const [caption, ...lines] = stdout.trimEnd().split('\n');
  const rows = Object.fromEntries(lines.map((line) => [line.split(' ')[0], line.replace(/^\S+ +/, '').split(/ {2,}/)]));
  return { caption, lines, rows };
}

describe('vae config', () => {
  it('says of each setting what it is and who has set it, one line each, and writes nothing', async () => {
    const before = readdirSync(folder);
    const { caption, lines, rows } = await table('--data-dir', 'digits', '--epochs', '3', '--flip');
    expect(caption).toBe('of a run on 60 images of 8 × 8 in grey:');
    expect(rows).toMatchObject({
      '--data-dir': [inFolder('digits'), 'given'],
      '--flip': ['given'],
      '--model': ['dense', 'default'],
      '--epochs': ['3', 'given'],
      '--batch-size': ['60', 'instead of 128: there are no more training images'],
    });
    const starts = lines.filter((line) => line.endsWith('default')).map((line) => line.lastIndexOf('default'));
    expect(new Set(starts).size).toBe(1);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('says what was chosen for images in colour and in grey', async () => {
    expect((await table('--dataset', 'colour', '--model', 'residual')).rows).toMatchObject({
      '--model': ['residual', 'given'],
      '--channels': ['by size', 'default'],
      '--likelihood': ['logistic-mixture', 'for the data: images in colour'],
      '--mixtures': ['1', 'for the data: images in colour'],
      '--batch-size': ['4', 'for the data: 18 images'],
    });
    const grey = await table('--dataset', 'grey');
    expect(grey.rows).toMatchObject({
      '--hidden': ['none', 'for --latent 16x16x16'],
      '--likelihood': ['discretised-logistic', 'for the data: grey images'],
    });
    // No likelihood reads it here.
    expect(Object.keys(grey.rows)).not.toContain('--mixtures');
  });

  it('says what a preset has set, and counts a length in one way', async () => {
    const { rows } = await table('--data-dir', 'digits', '--preset', 'tutorial', '--latent', '3');
    expect(rows).toMatchObject({
      '--preset': ['tutorial', 'given'],
      '--latent': ['3', 'given'],
      '--steps': ['5000', 'preset tutorial'],
    });
    expect(Object.keys(rows)).not.toContain('--epochs');
  });

  it('gives with --json what vae train then uses and prints', async () => {
    const flags = [
      '--dataset',
      'colour',
      '--image-size',
      '16',
      '--channels',
      '2',
      '--hidden',
      '4',
      '--steps',
      '1',
      '--threads',
      '1',
    ];
    const { settings, origins, facts } = JSON.parse((await vae('config', ...flags, '--json')).stdout);
    expect(facts).toEqual({ images: 18, imageShape: [3, 16, 16], fit: 'photo' });
    expect(origins).toMatchObject({ steps: { by: 'given' }, latent: { by: 'data', reason: 'images of 16 × 16' } });
    const { code, stderr } = await vae('train', ...flags, '--out', 'run');
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(
        'for 18 images of 16 × 16 in colour: --model conv --activation silu --latent 128 --initializer he --initial-bias data-alone --likelihood logistic-mixture --mixtures 1 --learning-rate 0.002 --schedule cosine --ema 0.999 --batch-size 4 (vae config explains)\n',
      ),
    ]);
    const { device, ...config } = JSON.parse(readFileSync(inFolder('run', 'config.json'), 'utf8'));
    const { device: asked, ...expected } = settings;
    expect(config).toMatchObject(expected);
    expect([asked, typeof device]).toEqual(['auto', 'string']);
  });

  for (const [args, says] of [
    [['--latent', '0'], '--latent 0: expected an integer from 1 to 65536'],
    [['--kernel', '5', '--dataset', 'nowhere'], '--dataset nowhere: expected'],
    [['--kernel', '5', '--data-dir', 'nowhere'], '--kernel has no effect with the model dense; use --model conv'],
    [['--dataset', 'grey', '--mixtures', '5'], '--mixtures has no effect with the likelihood discretised-logistic'],
    [['--dataset', 'colour', '--binarize', 'static'], '--binarize static: the likelihood logistic-mixture is not one'],
    [['--dataset', 'colour', '--batch-size', '19'], '--batch-size 19: larger than the 18 training images'],
    [['--dataset', 'colour', '--channels', '2,2,2,2,2,2,2'], 'an image of 64 × 64 can be halved 6 times at most'],
    [['--resume'], "unknown option '--resume'"],
    [['--steps', '3', '--epochs', '3'], '--steps cannot be used with --epochs'],
  ] as const) {
    it(`refuses ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await vae('config', ...args);
      expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(says)]);
      expect(stderr.match(/^vae: /gm)).toHaveLength(1);
    });
  }
});

describe('columns', () => {
  const ROWS = [
    ['--data-dir', '/a/folder/with/a/very/long/name', 'given'],
    ['--no-flip', '', 'default'],
    ['--batch-size', '32', 'for the data: 500 images in batches of 32'],
  ];

  it('stand below each other, and a cell that is too long moves nothing but its own row', () => {
    expect(inColumns(ROWS, undefined)).toEqual([
      '--data-dir    /a/folder/with/a/very/long/name  given',
      '--no-flip         default',
      '--batch-size  32  for the data: 500 images in batches of 32',
    ]);
    expect(inColumns([], 80)).toEqual([]);
  });

  it('break the last one below itself, or where there is no room for that, by an indent', () => {
    expect(inColumns(ROWS, 42)[2]).toBe(
      '--batch-size  32  for the data: 500 images\n                  in batches of 32',
    );
    expect(inColumns(ROWS, 30)[2]).toBe('--batch-size  32  for the\n    data: 500 images in\n    batches of 32');
  });

  for (const room of [20, 30, 40, 60, 80]) {
    it(`fit ${room} of a terminal, but for a word that is longer`, () => {
      const lines = inColumns(ROWS, room).flatMap((row) => row.split('\n'));
      expect(lines.filter((line) => line.length > room && line.trim().includes(' '))).toEqual([]);
    });
  }
});
