/** The images of a run in its folder, or in another one that is taken for it. */

import { InputError } from '../../base/errors.ts';
import type { ImageFile } from '../dataset.ts';
import type { Report } from '../source.ts';
import { decodeLayout, type FolderWork, type Found, named } from './images.ts';
import { type Layout, layoutOf } from './labels.ts';
import type { RecordedSplit } from './recorded-split.ts';

/** What may be the case besides. */
interface Differences {
  /** Whether the folder may have other images. */
  readonly mayDiffer?: boolean | undefined;
  /** Grey or colour, as the run had its images. */
  readonly recordedChannels?: 1 | 3 | undefined;
}

/**
 * The recorded images, if they are all there and as they were; undefined if they need not be.
 * @throws InputError if they must be and are not.
 */
export async function findRecorded(
  work: FolderWork,
  recorded: RecordedSplit,
  { mayDiffer, recordedChannels }: Differences,
  told: Report,
): Promise<Found | undefined> {
  const known = new Map(partsOf(recorded).map((file) => [file.name, file]));
  const listed = new Set(work.files.map(({ name }) => name));
  const gone = [...known.keys()].filter((name) => !listed.has(name));
  const found = gone.length > 0 ? undefined : await decodeInChannels(work, recorded, recordedChannels, told);
  const checksums = new Map(found?.layout.places.map(({ name }, i) => [name, found.pack.checksums[i]]));
  const changed = found ? partsOf(recorded).filter((file) => checksums.get(file.name) !== file.checksum) : [];
  if (found !== undefined && changed.length === 0) {
    const skipped = new Set(recorded.skipped);
    const places = work.layout.places.map(({ name }) => name);
    const added = places.filter((name) => !known.has(name) && !skipped.has(name));
    if (added.length > 0) {
      told.note(`left out, because they are not among the images of the run: ${added.length} (${named(added)})`);
    }
    return found;
  }
  found?.pack.images.close();
  const what = found ? `changed: ${named(changed.map(({ name }) => name).sort())}` : `gone: ${named(gone.sort())}`;
  if (mayDiffer) {
    told.note(`these are other images than those that the model was trained on (${what})`);
    return undefined;
  }
  throw new InputError(`${work.folder}: its images are not those of the run (${what}); put them back`, {
    remedies: [{ verb: 'or use', field: 'dataDir', value: '<folder>' }],
  });
}

const partsOf = ({ train, validation, test }: RecordedSplit): ImageFile[] => [...train, ...validation, ...test];

/** In as many channels as the run had: one image of another kind must not change all others. */
async function decodeInChannels(work: FolderWork, recorded: RecordedSplit, channels: 1 | 3 | undefined, told: Report) {
  const found = await decodeRecorded(work, recorded, told);
  if (channels === undefined || found.pack.about.imageShape[0] === channels) return found;
  found.pack.images.close();
  return decodeRecorded({ ...work, options: { ...work.options, channels } }, recorded, told);
}

/** Decodes the files that the run began with, in the places that they had then. */
async function decodeRecorded(work: FolderWork, recorded: RecordedSplit, told: Report): Promise<Found> {
  const known = new Set(partsOf(recorded).map(({ name }) => name));
  const skipped = new Set(recorded.skipped);
  const layout = layoutOf(work.files.map(({ name }) => name).filter((name) => known.has(name) || skipped.has(name)));
  const found = await decodeLayout(work, layout, told);
  if (found.layout.places.every(({ name }) => known.has(name))) return found;
  // What could not be read when the run began can be read now.
  found.pack.images.close();
  return decodeLayout(work, { ...layout, places: layout.places.filter(({ name }) => known.has(name)) }, told);
}

/** The training images, those set aside for validation among them, and the test images. */
export const recordedPositions = ({ places }: Layout, { test }: RecordedSplit) => {
  const tested = new Set(test.map(({ name }) => name));
  const all = Int32Array.from(places, (_, i) => i);
  const isTested = (i: number): boolean => tested.has(places[i].name);
  return { train: all.filter((i) => !isTested(i)), test: all.filter(isTested) };
};

/** Whether a run was trained on a file: by its name, or by its pixels. */
export function isTrained(recorded: RecordedSplit | undefined, files: readonly ImageFile[]): (name: string) => boolean {
  const trained = [...(recorded?.train ?? []), ...(recorded?.validation ?? [])];
  const names = new Set(trained.map(({ name }) => name));
  const checksums = new Set(trained.map(({ checksum }) => checksum));
  const same = files.filter(({ name, checksum }) => names.has(name) || checksums.has(checksum));
  const taken = new Set(same.map(({ name }) => name));
  return (name) => taken.has(name);
}
