/** What is packed is all that the program needs, and its first lines run on any Node. */

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { x as extract } from 'tar';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { writeDigits } from '../data/digits.ts';
import { temporaryFolder } from './vae.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

const run = promisify(execFile);
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const tarball = `vae-${manifest.version}.tgz`;
const inFolder = (...parts: string[]): string => path.join(folder, ...parts);

describe('the package', () => {
  it('trains from its tarball, without the source', async () => {
    await run('npm', ['pack', '--silent', '--pack-destination', folder], { shell: process.platform === 'win32' });
    await extract({ file: inFolder(tarball), cwd: folder });
    symlinkSync(path.resolve('node_modules'), inFolder('package', 'node_modules'), 'junction');
    writeDigits(inFolder('data'), 60, 20);
    const args = [
      'train',
      '--data-dir',
      'data',
      '--hidden',
      '8',
      '--batch-size',
      '30',
      '--epochs',
      '1',
      '--out',
      'run',
    ];
    const program = inFolder('package', 'bin', 'vae.js');
    const { stdout } = await run(process.execPath, [program, ...args], { cwd: folder });
    expect(stdout).toContain('1/1');
    expect(readFileSync(inFolder('run', 'samples', 'epoch-0001.png')).length).toBeGreaterThan(0);
  });
});

describe('the README', () => {
  it('installs that tarball for all, without install scripts', () =>
    expect(readFileSync('README.md', 'utf8')).toContain(`npm install -g --ignore-scripts ${tarball}\n`));
});

describe('an older Node', () => {
  it('is told in one line which is needed', async () => {
    mkdirSync(inFolder('old'));
    cpSync('bin', inFolder('old', 'bin'), { recursive: true });
    writeFileSync(inFolder('old', 'package.json'), JSON.stringify({ ...manifest, engines: { node: '>=99.5' } }));
    const failed = await run(process.execPath, [inFolder('old', 'bin', 'vae.js'), '--version']).catch((error) => error);
    expect([failed.code, failed.stdout, failed.stderr]).toEqual([
      ...[1, '', `vae: needs Node.js 99.5 or newer, and this is ${process.versions.node}; nodejs.org has newer ones\n`],
    ]);
  });

  it('can read the first file: it is in the JavaScript of 2009', () => {
    const source = readFileSync('bin/vae.js', 'utf8').replace(/^#!.*\n/, '');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES5, module: ts.ModuleKind.CommonJS, ignoreDeprecations: '6.0' },
    });
    const plain = (text: string): string =>
      text
        .replace(/\/\/.*/g, '')
        .replace(/\s+/g, '')
        .replaceAll('"', "'");
    // What is newer would be written in other words.
    expect(plain(outputText)).toBe(plain(source));
    expect(source).not.toMatch(/\b(import|require\('node:)/);
  });
});
