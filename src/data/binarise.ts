/** How grey pixels become the model's targets. */

import { crc32 } from 'node:zlib';
import { fillNoise } from '../random/random.ts';
import { bytesAnImage, type Dataset, type ImageSet, range } from './dataset.ts';

interface BinarisationRow {
  /** Whether the model sees black and white pixels alone. */
  readonly isBinary: boolean;
  /** When the pixels are drawn: once with the dataset, or each time an image is used. */
  readonly drawn: 'never' | 'once' | 'at each use';
  /** For the contract of a run. */
  readonly describe: string;
}

/** Each pixel becomes black or white with its grey value as the probability, or stays grey. */
export const binarisations = {
  none: { isBinary: false, drawn: 'never', describe: 'grey or coloured, as they are' },
  static: {
    isBinary: true,
    drawn: 'once',
    describe: "black or white, each drawn once from its grey value by the run's seed",
  },
  /** As in Burda et al. (2016). */
  stochastic: {
    isBinary: true,
    drawn: 'at each use',
    describe: 'black or white, drawn from its grey value anew at each use in training, once in evaluation',
  },
} as const satisfies Record<string, BinarisationRow>;

export type Binarisation = keyof typeof binarisations;

const WHITE = 255;

/**
 * Draws each image's pixels once, black or white; the draw depends on the seed, the part's name, and the image's
 * position in it, and on nothing else: images in a file are drawn when they are read, and come out the same.
 */
export function binariseOnce(set: ImageSet, part: string, seed: number): ImageSet {
  const { images, count } = set;
  const stream = `static binarisation ${part}`;
  const thresholds = new Float32Array(bytesAnImage(set));
  /** The grey images at `positions`, in place. */
  const draw = (pixels: Uint8Array, positions: Int32Array): Uint8Array => {
    positions.forEach((step, image) => {
      fillNoise(thresholds, { kind: 'uniform' }, { seed, stream, step });
      const start = image * thresholds.length;
      for (let i = start, j = 0; j < thresholds.length; i++, j++)
        pixels[i] = pixels[i] > thresholds[j] * WHITE ? WHITE : 0;
    });
    return pixels;
  };
  // Not slice(), which copies nothing where the images are a Buffer.
  if (images instanceof Uint8Array) return { ...set, images: draw(Uint8Array.from(images), range(0, count)) };
  return {
    ...set,
    images: {
      ...images,
      checksum: crc32(`${stream} ${seed}`, images.checksum),
      read: (positions) => draw(images.read(positions), positions),
    },
  };
}

/** Applies what can be applied before training; the rest is done in preprocessing.ts. Binarise before splitting. */
export function binariseDataset<T extends Pick<Dataset, 'train' | 'test'>>(
  dataset: T,
  how: Binarisation,
  seed: number,
): T {
  if (binarisations[how].drawn !== 'once') return dataset;
  return {
    ...dataset,
    train: binariseOnce(dataset.train, 'train', seed),
    test: binariseOnce(dataset.test, 'test', seed),
  };
}
