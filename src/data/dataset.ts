/** Images with labels, in three parts. Whether their pixels are in memory or stay in a file makes no difference here. */

import { crc32 } from 'node:zlib';
import { ConfigError } from '../base/errors.ts';
import { counted } from '../base/words.ts';
import { permutation } from '../random/random.ts';

/** [C, H, W] */
export type ImageShape = readonly [number, number, number];

/** Images whose pixels stay in a file. */
export interface PackedImages {
  /** Bytes an image, C·H·W. */
  readonly pixels: number;
  /** Of what is read, in 32 bits, known without reading it: equal for equal images in equal order. */
  readonly checksum: number;
  /**
   * The images at the given positions, in that order: [positions, C·H·W], in a buffer of the caller's own at each call.
   * @throws InputError if the file can no longer be read.
   */
  read(positions: Int32Array): Uint8Array;
  /** Closes the file, for every set that is read from it. */
  close(): void;
}

/** What an image was decoded from. */
export interface ImageFile {
  /** Relative to the dataset's folder. */
  readonly name: string;
  /** CRC of its pixels. */
  readonly checksum: number;
}

export interface ImageSet {
  readonly count: number;
  /** [count, C·H·W], each pixel 0 to 255. */
  readonly images: Uint8Array | PackedImages;
  /** Positions in the dataset's classes. */
  readonly labels: Uint8Array;
  /** Where each image has a file of its own. */
  readonly files?: readonly ImageFile[];
}

/** How a picture from outside is made to look like a dataset's own: see fit.ts. */
export type Fit = 'digit' | 'garment' | 'photo';

export interface Dataset {
  readonly name: string;
  readonly imageShape: ImageShape;
  /** What the labels mean; none where the images are not labelled. */
  readonly classes: readonly string[];
  readonly fit: Fit;
  readonly train: ImageSet;
  /** Taken from the training images by the run's seed; may be empty. */
  readonly validation: ImageSet;
  readonly test: ImageSet;
  /** Files of a folder that gave no image. */
  readonly skipped?: readonly string[];
}

export const pixelsOf = ([channels, height, width]: ImageShape): number => channels * height * width;

const isResident = (images: ImageSet['images']): images is Uint8Array => images instanceof Uint8Array;

/** Bytes of one image of a set. */
export const bytesAnImage = ({ images, count }: ImageSet): number =>
  isResident(images) ? images.length / Math.max(1, count) : images.pixels;

/** The positions from `start` up to, but not including, `end`. */
export const range = (start: number, end: number): Int32Array =>
  Int32Array.from({ length: end - start }, (_, i) => start + i);

/** The positions 0 to count − 1 in batches, the last one as small as it must be. */
export function* batches(count: number, size: number): Generator<Int32Array> {
  for (let start = 0; start < count; start += size) yield range(start, Math.min(count, start + size));
}

/** The pixels of the images at the given positions, in that order: [positions, C·H·W], copied. */
export function pixelsAt(set: ImageSet, positions: Int32Array): Uint8Array {
  const { images } = set;
  if (!isResident(images)) return images.read(positions);
  const pixels = bytesAnImage(set);
  const chosen = new Uint8Array(positions.length * pixels);
  positions.forEach((position, i) => {
    chosen.set(images.subarray(position * pixels, (position + 1) * pixels), i * pixels);
  });
  return chosen;
}

/** All pixels of a set, [count, C·H·W]; those that stay in a file are read. */
export const residentImages = ({ images, count }: ImageSet): Uint8Array =>
  isResident(images) ? images : images.read(range(0, count));

/** What the images are, in a few words: equal for equal images in equal parts. A resumed run must find the same ones. */
export function fingerprint({ imageShape, train, validation, test }: Dataset): string {
  const parts = [train, validation, test];
  const checksum = parts.reduce(
    (sum, { images }) => crc32(isResident(images) ? images : String(images.checksum), sum),
    0,
  );
  const counts = parts.map(({ count }) => count).join(' + ');
  return `${counts} images of ${imageShape.join(' × ')}, CRC ${checksum.toString(16).padStart(8, '0')}`;
}

/** The images at the given positions, in that order: a copy of resident ones, a view of those in a file. */
export function select(set: ImageSet, positions: Int32Array): ImageSet {
  return {
    count: positions.length,
    images: isResident(set.images) ? pixelsAt(set, positions) : viewOf(set.images, positions),
    labels: Uint8Array.from(positions, (position) => set.labels[position]),
    ...(set.files && { files: Array.from(positions, (position) => set.files![position]) }),
  };
}

function viewOf(images: PackedImages, positions: Int32Array): PackedImages {
  const bytes = new Uint8Array(positions.buffer, positions.byteOffset, positions.byteLength);
  return {
    pixels: images.pixels,
    checksum: crc32(bytes, images.checksum),
    read: (chosen) => images.read(chosen.map((i) => positions[i])),
    close: () => images.close(),
  };
}

/**
 * Sets `count` images aside for validation: the same ones for the same seed, both parts in their original order.
 * @throws ConfigError if no image is left to train on.
 */
export function splitValidation(
  train: ImageSet,
  count: number,
  seed: number,
): { train: ImageSet; validation: ImageSet } {
  if (count >= train.count) {
    throw new ConfigError(
      `nothing is left to train on: there ${train.count === 1 ? 'is' : 'are'} ${counted(train.count, 'training image')}; use a smaller number`,
      { field: 'validation', value: count },
    );
  }
  if (count === 0) return { train, validation: select(train, new Int32Array(0)) };
  const order = permutation(train.count, { seed, stream: 'validation split', step: 0 });
  return { train: select(train, order.slice(count).sort()), validation: select(train, order.slice(0, count).sort()) };
}

/** The first images of a set, or all of them where there are fewer. Nothing is copied. */
export function firstImages(set: ImageSet, limit: number): ImageSet {
  const { images, labels, count } = set;
  if (limit >= count) return set;
  return isResident(images)
    ? {
        count: limit,
        images: images.subarray(0, limit * bytesAnImage(set)),
        labels: labels.subarray(0, limit),
        ...(set.files && { files: set.files.slice(0, limit) }),
      }
    : select(set, range(0, limit));
}

/** Positions of the first image of each class, or of images spread over the set where there are no classes; at most `most`. */
export function oneOfEachClass(set: ImageSet, classes: readonly string[], most: number): Int32Array {
  const firsts = classes.map((_, label) => set.labels.indexOf(label)).filter((position) => position >= 0);
  return firsts.length > 1 ? Int32Array.from(firsts.slice(0, most)) : spread(set, [], most);
}

/** Positions of at most `most` images that show what is in a set: of each class in turn, or spread over its length. */
export function spread({ count, labels }: ImageSet, classes: readonly string[], most: number): Int32Array {
  const wanted = Math.min(most, count);
  if (classes.length < 2) return range(0, wanted).map((i) => Math.floor((i * count) / wanted));
  const byClass = classes.map((_, label) => range(0, count).filter((i) => labels[i] === label));
  const turns = byClass.flatMap((group) =>
    [...group.subarray(0, wanted)].map((position, turn) => ({ position, turn })),
  );
  return Int32Array.from(turns.toSorted((a, b) => a.turn - b.turn).slice(0, wanted), ({ position }) => position);
}

/** Closes the files that a dataset's images may stay in. */
export function closeDataset({ train, validation, test }: Dataset): void {
  for (const { images } of [train, validation, test]) if (!isResident(images)) images.close();
}
