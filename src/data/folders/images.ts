/** The images of a folder that can be read, decoded, with their places. */

import { printable } from '../../base/words.ts';
import type { Report } from '../source.ts';
import type { Layout } from './labels.ts';
import type { ListedFile } from './listing.ts';
import { type About, firstOf, packFolder } from './pack.ts';
import type { Pack } from './packed.ts';

/** What becomes of images. */
export interface ImageOptions {
  /** The side of the square. */
  readonly imageSize?: number;
  /** By default 3 if any image has colour, else 1. */
  readonly channels?: 1 | 3;
  /** Images of more bytes stay in their file. */
  readonly residentBytes?: number;
}

const IMAGE_SIZE = 64;
export const RESIDENT_BYTES = 64 * 2 ** 20;

/** The images of a folder, and where they belong. */
export interface Found {
  readonly layout: Layout;
  readonly pack: Pack<About>;
  /** Files of the layout's images that gave none. */
  readonly skipped: readonly string[];
}

/** Names for a line, the first of many. */
export const named = (names: readonly string[]): string => firstOf(names.map(printable)).join(', ');

export interface FolderWork {
  readonly folder: string;
  /** All pictures in it. */
  readonly files: readonly ListedFile[];
  readonly options: ImageOptions;
  /** Of all of them. */
  readonly layout: Layout;
}

/** Decodes the images of a layout, and leaves out those that gave none. */
export async function decodeLayout(
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
