/** Fashion-MNIST: clothing instead of MNIST's digits, from a user's folder or downloaded once. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { cachedFolder, exclusively } from '../cache.ts';
import { checkFolder, classNames, type Report, readCard, type Source } from '../source.ts';
import { download, downloadUrl } from './download.ts';
import { readIdxFolder } from './idx-folder.ts';

export interface FashionCard {
  readonly url: string;
  readonly megabytes: number;
  readonly classes: readonly string[];
  /** By file name. */
  readonly md5: Readonly<Record<string, string>>;
  /** Of each file. */
  readonly bytes: Readonly<Record<string, number>>;
}

/**
 * The folder of the official files in the cache, downloaded if one is missing.
 * @throws InputError if one cannot be downloaded.
 */
export async function cachedFiles(card: FashionCard, report: Report): Promise<string> {
  const folder = cachedFolder('fashion-mnist');
  const names = Object.keys(card.md5);
  if (names.every((name) => existsSync(path.join(folder, name)))) return folder;
  return exclusively(folder, async () => {
    const from = downloadUrl('fashion-mnist', card.url, '');
    report.note(
      `downloading Fashion-MNIST once, ${card.megabytes} MB from ${from} into ${folder} (VAE_DATA_DIR names another folder)`,
    );
    for (const name of names) {
      const url = downloadUrl('fashion-mnist', card.url, name);
      await download({ url, file: path.join(folder, name), md5: card.md5[name], bytes: card.bytes[name] }, report);
    }
    return folder;
  });
}

/**
 * The images of the official files in the cache.
 * @throws InputError if they are not, or cannot be downloaded.
 */
export async function readCached(card: FashionCard, report: Report) {
  const folder = await cachedFiles(card, report);
  const remedy = 'remove it, and it will be downloaded again';
  return readIdxFolder(folder, report, { kind: 'md5', of: card.md5, remedy });
}

export const fashionMnist: Source = {
  fit: 'garment',
  async load(dataDir, report) {
    const card = readCard<FashionCard>('fashion-mnist');
    if (dataDir !== undefined) checkFolder(dataDir, 'dataDir');
    const sets = dataDir === undefined ? await readCached(card, report) : readIdxFolder(dataDir, report);
    return { name: 'fashion-mnist', fit: 'garment', classes: classNames(card.classes, sets.train, sets.test), ...sets };
  },
};
