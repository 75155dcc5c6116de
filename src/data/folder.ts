/** A folder of a user's own images as a dataset: the part and the class of each image, and where its pixels are. */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../base/errors.ts';
import { bytesAnImage, type ImageSet, residentImages, select } from './dataset.ts';
import { type Layout, labelByFolder, layoutOf, splitPositions } from './folder-labels.ts';
import { type About, firstOf, packFolder } from './folder-pack.ts';
import { type ListedFile, listImages, printable } from './listing.ts';
import type { Pack } from './packed.ts';
import type { RecordedSplit } from './recorded-split.ts';
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
  /** The images of an earlier run, whose parts stay as they were; the folder's other files are left out. */
  readonly recorded?: RecordedSplit | undefined;
  /** Whether the folder may have other images than the recorded ones. None that was trained on is for testing then. */
  readonly mayDiffer?: boolean | undefined;
}

const IMAGE_SIZE = 64;
const RESIDENT_BYTES = 64 * 2 ** 20;

/** The images of a folder, and where they belong. */
interface Found {
  readonly layout: Layout;
  readonly pack: Pack<About>;
  /** Files of the layout's images that gave none. */
  readonly skipped: readonly string[];
}

/**
 * The training and test images of a folder.
 * @throws InputError if there is no such folder, it has fewer than two images that can be read, or one of the recorded
 *   images is gone or has changed.
 */
export async function loadFolder(folder: string, options: FolderOptions, report: Report): Promise<LoadedDataset> {
  const { seed, residentBytes = RESIDENT_BYTES, recorded, mayDiffer } = options;
  checkFolder(folder, 'dataset');
  const told: Report = {
    note: (line) => report.note(`${folder}: ${line}`),
    progress: (...step) => report.progress(...step),
  };
  const files = listFolderOf(folder, told);
  const names = files.map(({ name }) => name);
  const folderWork = { folder, files, options, layout: layoutOf(names) };
  const own = recorded && (await findRecorded({ ...folderWork, recorded }, mayDiffer === true, told));
  const { layout, pack, skipped } = own ?? (await find(folderWork, folderWork.layout, told));
  for (const line of [...layout.notes, ...pack.about.notes]) told.note(line);
  const labelling = labelByFolder(layout.places);
  for (const line of labelling.notes) told.note(line);

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
  const { images, others, runs, problems } = listImages(folder);
  if (others > 0) told.note(`left out, because they are not images: ${others}`);
  if (runs.length > 0) told.note(`left out, because they are runs of vae: ${named(runs)}`);
  for (const line of firstOf(problems)) told.note(`skipped ${line}`);
  if (images.length === 0) {
    throw new InputError(
      `${folder}: there are no images in it; expected PNG files, or, with sharp, JPEG, WebP and others`,
    );
  }
  return images;
}

const named = (names: readonly string[]): string => firstOf(names.map(printable)).join(', ');

interface FolderWork {
  readonly folder: string;
  /** All pictures in it. */
  readonly files: readonly ListedFile[];
  readonly options: FolderOptions;
  /** Of all of them. */
  readonly layout: Layout;
}

/** Decodes the images of a layout, and leaves out those that gave none. */
async function find(
  { folder, files, options, layout: whole }: FolderWork,
  layout: Layout,
  told: Report,
): Promise<Found> {
  const { imageSize = IMAGE_SIZE, channels, residentBytes = RESIDENT_BYTES } = options;
  const names = new Set(layout.places.map(({ name }) => name));
  const chosen = files.filter(({ name }) => names.has(name));
  const isPartial = whole.places.length !== names.size || whole.places.some(({ name }) => !names.has(name));
  const work = { folder, files: chosen, imageSize, channels, checkBelow: residentBytes, isPartial };
  const pack = await packFolder(work, told);
  const without = new Set(pack.about.skipped);
  return {
    pack,
    layout: { ...layout, places: layout.places.filter((_, i) => !without.has(i)) },
    skipped: layout.places.filter((_, i) => without.has(i)).map(({ name }) => name),
  };
}

/**
 * The recorded images, if they are all there and as they were; undefined if they need not be.
 * @throws InputError if they must be and are not.
 */
async function findRecorded(
  work: FolderWork & { readonly recorded: RecordedSplit },
  mayDiffer: boolean,
  told: Report,
): Promise<Found | undefined> {
  const { folder, files, recorded } = work;
  const known = new Map([recorded.train, recorded.validation, recorded.test].flat().map((file) => [file.name, file]));
  const skipped = new Set(recorded.skipped);
  const present = files.map(({ name }) => name);
  const listed = new Set(present);
  const gone = [...known.keys()].filter((name) => !listed.has(name));
  const changed: string[] = [];
  if (gone.length === 0) {
    const added = present.filter((name) => !known.has(name) && !skipped.has(name));
    const before = new Set(work.layout.places.map(({ name }) => name));
    const candidates = layoutOf(present.filter((name) => known.has(name) || skipped.has(name)));
    let found = await find(work, candidates, told);
    if (found.layout.places.some(({ name }) => !known.has(name))) {
      // What could not be read when the run began can be read now.
      found.pack.images.close();
      const places = candidates.places.filter(({ name }) => known.has(name));
      found = await find(work, { ...candidates, places }, told);
    }
    const { layout, pack } = found;
    const checksums = new Map(layout.places.map(({ name }, i) => [name, pack.checksums[i]]));
    changed.push(
      ...[...known.values()].filter((file) => checksums.get(file.name) !== file.checksum).map((f) => f.name),
    );
    if (changed.length === 0) {
      const strangers = added.filter((name) => before.has(name));
      if (strangers.length > 0) {
        told.note(
          `left out, because they are not among the images of the run: ${strangers.length} (${named(strangers)})`,
        );
      }
      return found;
    }
    pack.images.close();
  }
  const what = [
    ...(gone.length > 0 ? [`gone: ${named(gone)}`] : []),
    ...(changed.length > 0 ? [`changed: ${named(changed)}`] : []),
  ].join('; ');
  if (!mayDiffer) {
    throw new InputError(`${folder}: its images are not those of the run (${what}); put them back`, {
      remedies: [{ verb: 'or use', field: 'dataDir', value: '<folder>' }],
    });
  }
  told.note(`these are other images than those that the model was trained on (${what})`);
  return undefined;
}

const recordedPositions = ({ places }: Layout, { test }: RecordedSplit) => {
  const tested = new Set(test.map(({ name }) => name));
  const all = Int32Array.from(places, (_, i) => i);
  const isTested = (i: number): boolean => tested.has(places[i].name);
  return { train: all.filter((i) => !isTested(i)), test: all.filter(isTested) };
};

/** Whether a run was trained on a file: by its name, or by its pixels. */
function isTrained(recorded: RecordedSplit | undefined, files: ImageSet['files'] & object): (name: string) => boolean {
  const trained = [...(recorded?.train ?? []), ...(recorded?.validation ?? [])];
  const names = new Set(trained.map(({ name }) => name));
  const checksums = new Set(trained.map(({ checksum }) => checksum));
  const same = files.filter(({ name, checksum }) => names.has(name) || checksums.has(checksum));
  const taken = new Set(same.map(({ name }) => name));
  return (name) => taken.has(name);
}

/** @throws InputError if a part has no images. */
function checkParts(folder: string, layout: Layout, positions: Readonly<Record<'train' | 'test', Int32Array>>): void {
  for (const part of ['train', 'test'] as const) {
    if (positions[part].length > 0) continue;
    if (layout.places.length === 1) {
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
