/** Every command that the README shows is run, on small data and for one epoch. */

import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, vae } from './cli/vae.ts';
import { writeDigits } from './data/digits.ts';

const readme = readFileSync('README.md', 'utf8');
const { folder, remove } = temporaryFolder();
beforeAll(() => {
  writeDigits(path.join(folder, 'data'), 60, 20);
  cpSync('docs', path.join(folder, 'docs'), { recursive: true });
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
  const small = ['--data-dir', 'data', '--batch-size', '20'];
  return [...words, ...small, ...(hasEpochs ? [] : ['--epochs', '1'])];
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
    const names = ['train', 'sample', 'reconstruct', 'evaluate', 'info', 'doctor', 'bench'];
    const pages = await Promise.all(names.map(async (name) => (await vae(folder, name, '--help')).stdout));
    const known = new Set(pages.join().match(/--[a-z-]+/g));
    const named = [...readme.matchAll(/(?<=[ `])--[a-z][a-z-]+/g)].map(([flag]) => flag);
    expect(named.filter((flag) => !known.has(flag))).toEqual([]);
  });
});
