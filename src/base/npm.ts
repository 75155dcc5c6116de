/** The npm commands that put something right, for where this program stands. */

import { existsSync } from 'node:fs';
import path from 'node:path';

/** A clone of the repository, a project that depends on the program, or npm's folder of programs for all. */
export type Place = 'clone' | 'project' | 'global';

/** @param root the program's own folder. */
export function placeOf(root: string): Place {
  const parent = path.dirname(root);
  if (path.basename(parent) !== 'node_modules') return 'clone';
  return existsSync(path.join(parent, '..', 'package.json')) ? 'project' : 'global';
}

const here = placeOf(path.resolve(import.meta.dirname, '..', '..'));

/** In the repository these packages are optional peers: without --save-dev npm installs none, --no-save keeps package.json. */
const INSTALL: Readonly<Record<Place, string>> = {
  clone: 'npm install --no-save --save-dev',
  project: 'npm install',
  global: 'npm install -g',
};

/** @param scripts whether the packages need their install scripts, which a setting may keep from running. */
export const npmInstall = (packages: readonly string[], scripts: boolean, place = here): string =>
  [INSTALL[place], ...(scripts ? ['--ignore-scripts=false'] : []), ...packages].join(' ');

/** Runs a package's install script again. */
export const npmRebuild = (name: string, place = here): string =>
  `npm rebuild ${place === 'global' ? '-g ' : ''}${name} --ignore-scripts=false`;

/** Brings back what the program was installed with. */
export const npmReinstall = (place = here): string =>
  ({ clone: 'run npm ci', project: 'run npm install', global: 'install vae again' })[place];
