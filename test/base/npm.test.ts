import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { npmInstall, npmRebuild, npmReinstall, placeOf } from '../../src/base/npm.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-npm-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The place of a program in `<name>/node_modules/vae`. */
function installedIn(name: string, files: readonly string[]) {
  const root = path.join(folder, name, 'node_modules', 'vae');
  mkdirSync(root, { recursive: true });
  for (const file of files) writeFileSync(path.join(folder, name, file), '{}');
  return placeOf(root);
}

describe('the npm command that puts something right', () => {
  it('is one for where the program stands', () => {
    const places = [placeOf(path.join(folder, 'vae')), installedIn('app', ['package.json']), installedIn('lib', [])];
    expect(places).toEqual(['clone', 'project', 'global']);
    expect(places.map((place) => npmInstall(['x@1', 'y@2'], false, place))).toEqual([
      'npm install --no-save --save-dev x@1 y@2',
      'npm install x@1 y@2',
      'npm install -g x@1 y@2',
    ]);
    expect(npmInstall(['x'], true, 'global')).toBe('npm install -g --ignore-scripts=false x');
    expect(npmRebuild('x', 'global')).toBe('npm rebuild -g x --ignore-scripts=false');
    expect(places.map(npmReinstall)).toEqual(['run npm ci', 'run npm install', 'install vae again']);
  });

  it('is that of a clone where the tests run', () => expect(npmReinstall()).toBe('run npm ci'));
});
