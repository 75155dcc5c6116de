/** A folder of a user's own images as a dataset: the part and the class of each image, and where its pixels are. */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import { printable } from '../../base/words.ts';
import { bytesAnImage, type ImageSet, residentImages, select } from '../dataset.ts';
import { checkFolder, type LoadedDataset, type Report } from '../source.ts';
import { decodeLayout, type ImageOptions, named, RESIDENT_BYTES } from './images.ts';
import { type Layout, labelByFolder, layoutOf, splitPositions } from './labels.ts';
import { type ListedFile, listImages } from './listing.ts';
import { firstOf } from './pack.ts';
import { findRecorded, isTrained, recordedPositions } from './recorded.ts';
import type { RecordedSplit } from './recorded-split.ts';

export interface FolderOptions extends ImageOptions {
  /** Seed of the test part, if the folder has none of its own. */
  readonly seed: number;
  /** The images of an earlier run, whose parts stay as they were; the folder's other files are left out. */
  readonly recorded?: RecordedSplit | undefined;
  /** Of the recorded images: grey or colour, as the run had them. */
  readonly recordedChannels?: 1 | 3 | undefined;
  /** Whether the folder may have other images than the recorded ones. None that was trained on is for testing then. */
  readonly mayDiffer?: boolean | undefined;
}

/**
 * The training and test images of a folder.
 * @throws InputError if there is no such folder, it has fewer than two images that can be read, or one of the recorded
 *   images is gone or has changed.
 */
export async function loadFolder(folder: string, options: FolderOptions, report: Report): Promise<LoadedDataset> {
  const { seed, residentBytes = RESIDENT_BYTES, recorded } = options;
  checkFolder(folder, 'dataset');
  const told: Report = {
    note: (line) => report.note(`${folder}: ${line}`),
    progress: (...step) => report.progress(...step),
  };
  const files = listFolderOf(folder, told);
  const work = { folder, files, options, layout: layoutOf(files.map(({ name }) => name)) };
  const own = recorded && (await findRecorded(work, recorded, options, told));
  const { layout, pack, skipped } = own ?? (await decodeLayout(work, work.layout, told));
  for (const line of [...layout.notes, ...pack.about.notes]) told.note(line);
  const labelling = labelByFolder(layout.places);
  for (const line of labelling.notes) told.note(line);
  if (labelling.classes.length > 0) told.note(`classes: ${named(labelling.classes)}`);

  const imageFiles = layout.places.map(({ name }, i) => ({ name, checksum: pack.checksums[i] }));
  const positions =
    own === undefined
      ? splitPositions(layout, seed, isTrained(recorded, imageFiles))
      : recordedPositions(layout, recorded!);
  checkParts(folder, layout, positions);
  if (!layout.isSplit && own === undefined) {
    const { train, test } = positions;
    told.note(`for training: ${train.length}; for testing, drawn by the seed: ${test.length}`);
  }
  const all: ImageSet = { count: pack.count, images: pack.images, labels: labelling.labels, files: imageFiles };
  const resident = pack.count * bytesAnImage(all) <= residentBytes;
  const part = (chosen: Int32Array): ImageSet => {
    const set = select(all, chosen);
    return resident ? { ...set, images: residentImages(set) } : set;
  };
  const [train, test] = [part(positions.train), part(positions.test)];
  if (resident) pack.images.close();
  const name = path.basename(realpathSync(folder)) || 'images';
  const { imageShape } = pack.about;
  return { name, fit: 'photo', classes: labelling.classes.map(printable), imageShape, train, test, skipped };
}

/** @throws InputError if there are none. */
function listFolderOf(folder: string, told: Report): readonly ListedFile[] {
  const { images, others, runs, links, problems } = listImages(folder);
  if (others > 0) told.note(`left out, because they are not images: ${others}`);
  if (runs.length > 0) told.note(`left out, because they are runs of vae: ${named(runs)}`);
  if (links.length > 0) told.note(`left out, because they are links to folders that are read already: ${named(links)}`);
  for (const line of firstOf(problems)) told.note(`skipped ${line}`);
  if (images.length === 0) {
    throw new InputError(`${folder}: there are no images in it; expected files of PNG, JPEG, WebP, AVIF, TIFF or GIF`);
  }
  return images;
}

/** @throws InputError if a part has no images. */
function checkParts(folder: string, layout: Layout, positions: Readonly<Record<'train' | 'test', Int32Array>>): void {
  for (const part of ['train', 'test'] as const) {
    if (positions[part].length > 0) continue;
    if (layout.places.length === 1 && !layout.isSplit) {
      throw new InputError(
        `${folder}: there is only one image that can be read; expected at least two, one of them for the test`,
      );
    }
    const own = layout.places.some((place) => place.part === part);
    throw new InputError(
      part === 'test' && (own || !layout.isSplit)
        ? `${folder}: the model was trained on all images in it; there is none to test it on`
        : `${folder}: none of the images for ${part === 'train' ? 'training' : 'testing'} can be read`,
    );
  }
}
