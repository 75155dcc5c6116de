/**
 * The images of a folder, decoded once into a file of the cache and read from there afterwards.
 *
 * The rule: every image is scaled by its shorter side to a square of 64 (or the size asked for), its middle kept; in
 * colour if any image has colour; on white where it is transparent, unless white would hide it.
 */

import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import { counted } from '../../base/words.ts';
import { cachedFolder } from '../cache.ts';
import { type ImageShape, pixelsOf, range } from '../dataset.ts';
import { WITHOUT_SHARP } from '../pictures/decode.ts';
import { decodeAll } from '../pictures/decode-pool.ts';
import { loadSharp } from '../pictures/sharp-reader.ts';
import type { Report } from '../source.ts';
import type { ListedFile } from './listing.ts';
import { openPack, type Pack, PackWriter } from './packed.ts';
import { Remarks } from './remarks.ts';

export interface Work {
  readonly folder: string;
  readonly files: readonly ListedFile[];
  /** The side of the square. */
  readonly imageSize: number;
  /** By default 3 if any image has colour, else 1. */
  readonly channels: 1 | 3 | undefined;
  /** A file of fewer bytes will be read as a whole, so it can be checked as a whole. */
  readonly checkBelow: number;
  /** Whether these are only some of the folder's images, which have a file of their own then. */
  readonly isPartial: boolean;
}

/** At most this many problems are reported one by one. */
const NAMED = 10;
/** Changes whenever the same files would give different images. */
const VERSION = 2;

/** What is kept with the images. */
export interface About {
  /** Identifies the files and settings that they were made from. */
  readonly key: string;
  readonly imageShape: ImageShape;
  /** Positions of the files that gave no image, and what to report about them. */
  readonly skipped: readonly number[];
  readonly notes: readonly string[];
  /** Whether the package sharp was missing, which reads more. */
  readonly withoutSharp: boolean;
}

/**
 * The file with a folder's images, written if there is none of exactly these images.
 * @throws InputError if no image can be read, or the file cannot be written.
 */
export async function packFolder(work: Work, report: Report): Promise<Pack<About>> {
  const { folder, files, imageSize, channels, checkBelow, isPartial } = work;
  const real = realpathSync(folder);
  const hash = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
  const key = hash([VERSION, files]);
  const name = path.basename(real).replace(/[^\w.-]/g, '_');
  const some = isPartial ? files.map((file) => file.name) : [];
  const id = hash([real, imageSize, channels, ...some]).slice(0, 12);
  const file = path.join(cachedFolder('folders'), `${name}-${id}.images`);

  const kept = openPack<About>(file);
  // Only images that were decoded without it are a reason to load it.
  const isBest = kept?.about.withoutSharp !== true || (await loadSharp()) === undefined;
  if (kept?.about.key === key && isBest && (kept.bytes >= checkBelow || isWhole(kept))) {
    report.note(`${describe(kept)}, decoded before, from ${file}`);
    return kept;
  }
  kept?.images.close();
  report.note(
    `each image is scaled by its shorter side to ${imageSize} pixels and cut to its middle, on white where it is transparent`,
  );
  await decodeInto(file, work, key, report);
  const pack = openPack<About>(file);
  if (pack === undefined) throw new InputError(`cannot read ${file}, which was just written`);
  report.note(`${describe(pack)}, kept in ${file}`);
  return pack;
}

const describe = ({ count, bytes, about }: Pack<About>): string =>
  `${counted(count, 'image')} of ${about.imageShape.join(' × ')} (${(bytes / 1e6).toFixed(1)} MB)`;

function isWhole({ images, count }: Pack<About>): boolean {
  try {
    for (let start = 0; start < count; start += 1024) images.read(range(start, Math.min(count, start + 1024)));
    return true;
  } catch {
    return false;
  }
}

async function decodeInto(file: string, { folder, files, imageSize, channels }: Work, key: string, report: Report) {
  const shapeOf = (planes: 1 | 3): ImageShape => [planes, imageSize, imageSize];
  const names = files.map(({ name }) => name);
  const skipped: number[] = [];
  const problems: string[] = [];
  const needSharp: string[] = [];
  const remarks = new Remarks();
  // Whether any image has colour is known only at the end: until then, all are in colour.
  let imageShape = shapeOf(channels ?? 3);
  let coloured = false;
  const writer = new PackWriter(file, pixelsOf(imageShape));
  try {
    let done = 0;
    for await (const decoded of decodeAll(folder, names, imageShape)) {
      if ('pixels' in decoded) {
        writer.append(decoded.pixels);
        coloured ||= decoded.coloured;
        remarks.add(decoded);
      } else {
        skipped.push(done);
        (decoded.needsSharp ? needSharp : problems).push(decoded.problem);
      }
      report.progress('decoding', ++done, files.length, 'images');
    }
    const skips = [...describeMissing(needSharp), ...firstOf(problems).map((line) => `skipped ${line}`)];
    const notes = [...skips, ...remarks.lines()];
    if (skipped.length === files.length) {
      throw new InputError(`${folder}: none of the images in it can be read: ${notes[0]}`);
    }
    if (channels === undefined && !coloured) {
      imageShape = shapeOf(1);
      writer.shrinkTo(pixelsOf(imageShape));
    }
    const withoutSharp = (await loadSharp()) === undefined;
    writer.finish({ key, imageShape, skipped, notes, withoutSharp } satisfies About);
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

function describeMissing(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = firstOf(names).join(', ');
  return [`skipped ${names.length} that are no PNG (${shown}): ${WITHOUT_SHARP}`];
}

/** The first lines, and how many more there are. */
export const firstOf = (lines: readonly string[]): string[] =>
  lines.length > NAMED ? [...lines.slice(0, NAMED), `${lines.length - NAMED} more`] : [...lines];
