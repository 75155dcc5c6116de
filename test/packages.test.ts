/** What is installed with the program: under which licences, and by which scripts. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly license?: string;
  readonly hasInstallScript?: true;
  readonly dev?: true;
  readonly peer?: true;
}

const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
  readFileSync('package-lock.json', 'utf8'),
);
/** Without what developers need, and without what a user may install besides. */
const installed = Object.entries(lock.packages)
  .filter(([place, { dev, peer }]) => place !== '' && !dev && !peer)
  .map(([place, about]) => ({ name: place.replace(/^.*node_modules\//, ''), ...about }));

/** Each lets a program use the package, and pass it on, under the terms that README.md names. */
const LICENCES = new Set([
  'MIT',
  'ISC',
  '0BSD',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'Apache-2.0',
  'LGPL-3.0-or-later',
  'CC0-1.0',
]);
const licencesOf = (expression = 'none'): string[] => expression.replace(/[()]/g, '').split(/ AND | OR /);

describe('the packages that are installed with the program', () => {
  it('are more than their names in package.json', () => expect(installed.length).toBeGreaterThan(20));

  it('have licences under which they may be used and passed on', () => {
    const others = installed.filter(({ license }) => !licencesOf(license).every((name) => LICENCES.has(name)));
    expect(others).toEqual([]);
  });

  it('are code of libvips alone where their licence asks for more than to be named', () => {
    const named = installed.filter(({ license }) => licencesOf(license).includes('LGPL-3.0-or-later'));
    expect(named.every(({ name }) => name.startsWith('@img/sharp-'))).toBe(true);
  });

  // What the first of them would download is for NVIDIA GPUs, and the second comes with its binaries.
  it('need no install script: two have one, and both work without', () => {
    const scripted = installed.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name);
    expect(scripted.sort()).toEqual(['koffi', 'onnxruntime-node']);
  });
});
