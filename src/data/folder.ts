/**
 * A folder of a user's own images: decoded once into a file of the cache, read from there ever after.
 *
 * The rule: every image is scaled by its shorter side to a square of 64 (or the size asked for), its middle kept; in
 * colour if any image has colour; on white where it is transparent.
 */

import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { InputError } from '../errors.ts';
import { cachedFolder } from './cache.ts';
import { bytesAnImage, type ImageSet, type ImageShape, pixelsOf, range, residentImages, select } from './dataset.ts';
import { INSTALL_SHARP, isSharpInstalled } from './decode.ts';
import { decodeAll } from './decode-pool.ts';
import { findSplit, labelByFolder, splitPositions } from './folder-labels.ts';
import { type ListedFile, listImages } from './listing.ts';
import { openPack, type Pack, PackWriter } from './packed.ts';
import { checkFolder, type LoadedDataset, type Report } from './source.ts';

export interface FolderOptions {
  /** The side of the square. */
  readonly imageSize?: number;
  /** By default 3 if any image has colour, else 1. */
  readonly channels?: 1 | 3;
  /** Of the test part, where the folder has none of its own. */
  readonly seed: number;
  /** What is larger stays in its file. */
  readonly residentBytes?: number;
}

const IMAGE_SIZE = 64;
const RESIDENT_BYTES = 256 * 2 ** 20;
/** So many problems are told one by one. */
const NAMED = 10;
/** Changes with everything that makes other images of the same files. */
const VERSION = 1;

/** What is kept with the images. */
interface About {
  /** Of what they were made from. */
  readonly key: string;
  readonly imageShape: ImageShape;
  /** Positions of the files that gave no image, and what to say of them. */
  readonly skipped: readonly number[];
  readonly notes: readonly string[];
}

/**
 * The training and test images of a folder.
 * @throws InputError if there is no such folder, or there are not two images in it that can be read.
 */
export async function loadFolder(folder: string, options: FolderOptions, report: Report): Promise<LoadedDataset> {
  checkFolder(folder, '--dataset');
  const { images: listed, others, problems } = listImages(folder);
  const split = findSplit(listed.map(({ name }) => name));
  const chosen = new Set(split.names);
  const files = listed.filter(({ name }) => chosen.has(name));
  if (others > 0) report.note(`${folder}: ${others} files that are no images are left out`);
  tellFew(problems, (line) => report.note(`${folder}: skipped ${line}`));
  if (files.length === 0) {
    throw new InputError(
      `${folder}: there are no images in it; expected PNG files, or, with sharp, JPEG, WebP and others`,
    );
  }

  const pack = await packOf(folder, files, options, report);
  const { imageShape, skipped, notes } = pack.about;
  for (const line of [...split.notes, ...notes]) report.note(`${folder}: ${line}`);
  const without = new Set(skipped);
  const names = split.names.filter((_, i) => !without.has(i));
  const labelling = labelByFolder(names, split);
  for (const line of labelling.notes) report.note(`${folder}: ${line}`);

  const positions = splitPositions(names, split, options.seed);
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
    report.note(`${folder}: ${test.length} images, drawn by the seed, are for the test, ${train.length} for training`);
  }
  const all: ImageSet = { count: pack.count, images: pack.images, labels: labelling.labels };
  const resident = pack.count * bytesAnImage(all) <= (options.residentBytes ?? RESIDENT_BYTES);
  const part = (chosen: Int32Array): ImageSet => {
    const set = select(all, chosen);
    return resident ? { ...set, images: residentImages(set) } : set;
  };
  const [train, test] = [part(positions.train), part(positions.test)];
  if (resident) pack.images.close();
  const name = path.basename(realpathSync(folder)) || 'images';
  return { name, fit: 'photo', classes: labelling.classes, imageShape, train, test };
}

/** The file with a folder's images, made where there is none of these very images. */
async function packOf(
  folder: string,
  files: readonly ListedFile[],
  { imageSize = IMAGE_SIZE, channels, residentBytes = RESIDENT_BYTES }: FolderOptions,
  report: Report,
): Promise<Pack<About>> {
  const real = realpathSync(folder);
  const hash = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
  const key = hash([VERSION, await isSharpInstalled(), files]);
  const name = path.basename(real).replace(/[^\w.-]/g, '_');
  const file = path.join(cachedFolder('folders'), `${name}-${hash([real, imageSize, channels]).slice(0, 12)}.images`);

  const kept = openPack<About>(file);
  if (kept?.about.key === key && (kept.bytes > residentBytes || isWhole(kept))) {
    report.note(`${folder}: ${describe(kept)}, decoded before, from ${file}`);
    return kept;
  }
  kept?.images.close();
  report.note(
    `${folder}: each image is scaled by its shorter side to ${imageSize} pixels and cut to its middle, on white where it is transparent`,
  );
  await decodeInto(file, { folder, files, imageSize, channels, key }, report);
  const pack = openPack<About>(file);
  if (pack === undefined) throw new InputError(`cannot read ${file}, which was just written`);
  report.note(`${folder}: ${describe(pack)}, kept in ${file}`);
  return pack;
}

const describe = ({ count, bytes, about }: Pack<About>): string =>
  `${count} images of ${about.imageShape.join(' × ')} (${(bytes / 1e6).toFixed(1)} MB)`;

/** Images that will be in memory are read anyway, and can be checked to the last byte. */
function isWhole({ images, count }: Pack<About>): boolean {
  let checksum = 0;
  for (let start = 0; start < count; start += 1024) {
    checksum = crc32(images.read(range(start, Math.min(count, start + 1024))), checksum);
  }
  return checksum === images.checksum;
}

interface Work {
  readonly folder: string;
  readonly files: readonly ListedFile[];
  readonly imageSize: number;
  readonly channels: 1 | 3 | undefined;
  readonly key: string;
}

async function decodeInto(file: string, { folder, files, imageSize, channels, key }: Work, report: Report) {
  const shapeOf = (planes: 1 | 3): ImageShape => [planes, imageSize, imageSize];
  const names = files.map(({ name }) => name);
  const skipped: number[] = [];
  const problems: string[] = [];
  const needSharp: string[] = [];
  // Whether any image has colour is known in the end: until then, all are in colour.
  let imageShape = shapeOf(channels ?? 3);
  let coloured = false;
  const writer = new PackWriter(file, pixelsOf(imageShape));
  try {
    let done = 0;
    for await (const decoded of decodeAll(folder, names, imageShape)) {
      if ('pixels' in decoded) {
        writer.append(decoded.pixels);
        coloured ||= decoded.coloured;
      } else {
        skipped.push(done);
        (decoded.needsSharp ? needSharp : problems).push(decoded.problem);
      }
      report.progress('decoding', ++done, files.length, 'images');
    }
    const notes = [...describeMissing(needSharp)];
    tellFew(problems, (line) => notes.push(`skipped ${line}`));
    if (skipped.length === files.length) {
      throw new InputError(`${folder}: none of the images in it can be read: ${notes[0]}`);
    }
    if (channels === undefined && !coloured) {
      imageShape = shapeOf(1);
      writer.shrinkTo(pixelsOf(imageShape));
    }
    writer.finish({ key, imageShape, skipped, notes } satisfies About);
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

function describeMissing(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, NAMED).join(', ');
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return [`skipped ${names.length} that are no PNG (${shown}${more}); to read them too: ${INSTALL_SHARP}`];
}

function tellFew(lines: readonly string[], tell: (line: string) => void): void {
  for (const line of lines.slice(0, NAMED)) tell(line);
  if (lines.length > NAMED) tell(`${lines.length - NAMED} more`);
}
