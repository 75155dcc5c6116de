/** Images with labels, in three parts. */

import { crc32 } from 'node:zlib';
import { ConfigError } from '../errors.ts';
import { permutation } from '../random.ts';

/** [C, H, W] */
export type ImageShape = readonly [number, number, number];

export interface ImageSet {
  readonly count: number;
  /** [count, C·H·W], each pixel 0 to 255. */
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export interface Dataset {
  readonly name: string;
  readonly imageShape: ImageShape;
  readonly train: ImageSet;
  /** Taken from the training images by the run's seed; may be empty. */
  readonly validation: ImageSet;
  readonly test: ImageSet;
}

export const pixelsOf = ([channels, height, width]: ImageShape): number => channels * height * width;

/** What the images are, in a few words: equal for equal images in equal parts. A resumed run must find the same ones. */
export function fingerprint({ imageShape, train, validation, test }: Dataset): string {
  const parts = [train, validation, test];
  const checksum = parts.reduce((sum, { images }) => crc32(images, sum), 0);
  const counts = parts.map(({ count }) => count).join(' + ');
  return `${counts} images of ${imageShape.join(' × ')}, CRC ${checksum.toString(16).padStart(8, '0')}`;
}

/** The images at the given positions, in that order. */
export function select({ images, labels, count }: ImageSet, positions: Int32Array): ImageSet {
  const pixels = count === 0 ? 0 : images.length / count;
  const chosen = new Uint8Array(positions.length * pixels);
  positions.forEach((position, i) => {
    chosen.set(images.subarray(position * pixels, (position + 1) * pixels), i * pixels);
  });
  return {
    count: positions.length,
    images: chosen,
    labels: Uint8Array.from(positions, (position) => labels[position]),
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
    throw new ConfigError(`--validation ${count} leaves nothing to train on: there are ${train.count} training images`);
  }
  if (count === 0) return { train, validation: select(train, new Int32Array(0)) };
  const order = permutation(train.count, { seed, stream: 'validation split', step: 0 });
  return { train: select(train, order.slice(count).sort()), validation: select(train, order.slice(0, count).sort()) };
}

/** The first images of a set, or all of them where there are fewer. */
export function firstImages({ images, labels, count }: ImageSet, limit: number): ImageSet {
  const kept = Math.min(limit, count);
  return { count: kept, images: images.subarray(0, kept * (images.length / count)), labels: labels.subarray(0, kept) };
}
