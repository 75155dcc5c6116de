/** Every command that the README shows is run, on small data and for one epoch. */

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePng } from '../src/data/pictures/png.ts';
import { temporaryFolder, vae } from './cli/vae.ts';
import { cifarBatch } from './data/batches.ts';
import { writeDigits } from './data/digits.ts';

const readme = readFileSync('README.md', 'utf8');
/** The page, and those that it leads to. */
const documents = ['README.md', 'docs/models.md', 'docs/data.md', 'docs/export.md', 'docs/devices.md']
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n')
  // Its flags are not ours.
  .replace(/npm [^`\n]*/g, '');
const { folder, remove } = temporaryFolder();
const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
beforeAll(() => {
  writeDigits(inFolder('data'), 60, 20);
  for (const name of ['colours', 'images']) mkdirSync(inFolder(name));
  const labels = (count: number) => Array.from({ length: count }, (_, i) => i % 10);
  writeFileSync(inFolder('colours', 'data_batch_1.bin'), cifarBatch(labels(30)));
  writeFileSync(inFolder('colours', 'test_batch.bin'), cifarBatch(labels(10)));
  for (let i = 0; i < 30; i++) {
    const picture = Uint8Array.from({ length: 20 * 16 * 3 }, (_, j) => (7 * i + j) % 256);
    writeFileSync(inFolder('images', `${i}.png`), encodePng(20, 16, 3, picture));
  }
  cpSync('docs', inFolder('docs'), { recursive: true });
});
afterAll(remove);

const commands = [...readme.matchAll(/^vae .*$/gm), ...readme.matchAll(/(?<=`)vae train --[^`<]*(?=`)/g)].map(
  ([line]) => line.replace(/ +#.*/, ''),
);

/** The command's words, with less to do. */
function shortened(command: string): string[] {
  const words = command.split(/\s+/).slice(1);
  const shorten = (flag: string, value: string): boolean => {
    const at = words.indexOf(flag);
    if (at > 0) words[at + 1] = value;
    return at > 0;
  };
  const hasEpochs = shorten('--epochs', '1');
  shorten('--validation', '10');
  if (words[0] !== 'train' || words.includes('--resume')) return words;
  shorten('--image-size', '16');
  const data = words.includes('./images') ? [] : ['--data-dir', words.includes('cifar10') ? 'colours' : 'data'];
  return [...words, ...data, '--batch-size', '20', ...(hasEpochs ? [] : ['--epochs', '1'])];
}

describe('the README', () => {
  it('shows commands', () => expect(commands.length).toBeGreaterThan(8));

  for (const command of commands) {
    it(command, async () => {
      const { code, stderr } = await vae(folder, ...shortened(command));
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('vae: ')]);
    });
  }

  it('names files that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target);
    for (const link of links.filter((target) => !target.startsWith('http'))) {
      expect(readFileSync(link).length).toBeGreaterThan(0);
    }
  });

  it('names flags that exist', async () => {
    const { stdout } = await vae(folder, '--help');
    const names = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    const pages = await Promise.all(names.map(async (name) => (await vae(folder, name, '--help')).stdout));
    const known = new Set(pages.join().match(/--[a-z-]+/g));
    const named = [...documents.matchAll(/(?<=[ `])--[a-z][a-z-]+/g)].map(([flag]) => flag);
    expect(named.filter((flag) => !known.has(flag))).toEqual([]);
  });
});
