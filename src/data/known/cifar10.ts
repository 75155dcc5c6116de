/** CIFAR-10: 60,000 photographs of 32 × 32 in ten classes, from a user's folder or downloaded once. */

import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cachedFolder, exclusively } from '../cache.ts';
import { checkFolder, type Report, readCard, type Source } from '../source.ts';
import { checkUnpacked } from './checksums.ts';
import { CIFAR_SHAPE, findBatches, readCifarBatches } from './cifar-batches.ts';
import { download, downloadUrl } from './download.ts';
import { unpackFolder } from './unpack.ts';

export interface CifarCard {
  readonly url: string;
  readonly archive: string;
  readonly md5: string;
  readonly megabytes: number;
  /** Of the archive. */
  readonly bytes: number;
  readonly folder: string;
  readonly classes: readonly string[];
}

/**
 * The folder of the official batches in the cache, downloaded and unpacked if it is missing.
 * @throws InputError if it cannot be downloaded.
 */
export async function cachedBatches(card: CifarCard, report: Report): Promise<string> {
  const folder = cachedFolder('cifar10');
  const batches = path.join(folder, card.folder);
  const archive = path.join(folder, card.archive);
  if (existsSync(batches) && !existsSync(archive)) return batches;
  return exclusively(folder, async () => {
    // Another process may have finished it in the meantime, or been killed before it removed the archive.
    if (existsSync(batches)) {
      rmSync(archive, { force: true });
      return batches;
    }
    const url = downloadUrl('cifar10', card.url, card.archive);
    report.note(
      `downloading CIFAR-10 once, ${card.megabytes} MB from ${url} into ${folder} (VAE_DATA_DIR names another folder)`,
    );
    await download({ url, file: archive, md5: card.md5, bytes: card.bytes }, report);
    await unpackFolder(archive, card.folder);
    checkCached(batches);
    rmSync(archive);
    return batches;
  });
}

/** @throws InputError if a batch is not what was unpacked. */
function checkCached(folder: string): void {
  const { train, test } = findBatches(folder);
  checkUnpacked(folder, [...train, test]);
}

export const cifar10: Source = {
  fit: 'photo',
  async load(dataDir, report) {
    const card = readCard<CifarCard>('cifar10');
    if (dataDir !== undefined) checkFolder(dataDir, 'dataDir');
    const folder = dataDir ?? (await cachedBatches(card, report));
    if (dataDir === undefined) checkCached(folder);
    const sets = readCifarBatches(folder, report);
    return { name: 'cifar10', fit: 'photo', classes: card.classes, imageShape: CIFAR_SHAPE, ...sets };
  },
};
