/** A folder of a user's own images as a dataset: the part and the class of each image, and where its pixels are. */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../base/errors.ts';
import { bytesAnImage, type ImageSet, residentImages, select } from './dataset.ts';
import { findSplit, labelByFolder, splitPositions } from './folder-labels.ts';
import { firstOf, packFolder } from './folder-pack.ts';
import { listImages } from './listing.ts';
import { checkFolder, type LoadedDataset, type Report } from './source.ts';

export interface FolderOptions {
  /** The side of the square. */
  readonly imageSize?: number;
  /** By default 3 if any image has colour, else 1. */
  readonly channels?: 1 | 3;
  /** Seed of the test part, if the folder has none of its own. */
  readonly seed: number;
  /** Images of more bytes stay in their file. */
  readonly residentBytes?: number;
}

const IMAGE_SIZE = 64;
const RESIDENT_BYTES = 64 * 2 ** 20;

/**
 * The training and test images of a folder.
 * @throws InputError if there is no such folder, or it has fewer than two images that can be read.
 */
export async function loadFolder(
  folder: string,
  { imageSize = IMAGE_SIZE, channels, seed, residentBytes = RESIDENT_BYTES }: FolderOptions,
  report: Report,
): Promise<LoadedDataset> {
  checkFolder(folder, 'dataset');
  const told: Report = {
    note: (line) => report.note(`${folder}: ${line}`),
    progress: (...step) => report.progress(...step),
  };
  const { images: listed, others, problems } = listImages(folder);
  const split = findSplit(listed.map(({ name }) => name));
  const chosen = new Set(split.names);
  const files = listed.filter(({ name }) => chosen.has(name));
  if (others > 0) told.note(`left out, because they are not images: ${others}`);
  for (const line of firstOf(problems)) told.note(`skipped ${line}`);
  if (files.length === 0) {
    throw new InputError(`${folder}: there are no images in it; expected files of PNG, JPEG, WebP, AVIF, TIFF or GIF`);
  }

  const pack = await packFolder({ folder, files, imageSize, channels, checkBelow: residentBytes }, told);
  const { imageShape, skipped, notes } = pack.about;
  for (const line of [...split.notes, ...notes]) told.note(line);
  const without = new Set(skipped);
  const names = split.names.filter((_, i) => !without.has(i));
  const labelling = labelByFolder(names, split);
  for (const line of labelling.notes) told.note(line);

  const positions = splitPositions(names, split, seed);
  for (const [i, part] of (['train', 'test'] as const).entries()) {
    if (positions[part].length > 0) continue;
    throw new InputError(
      split.folders === undefined
        ? `${folder}: there is only one image that can be read; expected at least two, one of them for the test`
        : `${folder}: none of the images in ${split.folders[i]}/ can be read`,
    );
  }
  if (split.folders === undefined) {
    const { train, test } = positions;
    told.note(`for training: ${train.length}; for testing, drawn by the seed: ${test.length}`);
  }
  const all: ImageSet = { count: pack.count, images: pack.images, labels: labelling.labels };
  const resident = pack.count * bytesAnImage(all) <= residentBytes;
  const part = (chosen: Int32Array): ImageSet => {
    const set = select(all, chosen);
    return resident ? { ...set, images: residentImages(set) } : set;
  };
  const [train, test] = [part(positions.train), part(positions.test)];
  if (resident) pack.images.close();
  const name = path.basename(realpathSync(folder)) || 'images';
  return { name, fit: 'photo', classes: labelling.classes, imageShape, train, test };
}
