/** How grey pixels become the model's targets. */

import { fillNoise } from '../random.ts';
import { noise, type Tensor } from '../tensor/tensor.ts';
import type { Dataset, ImageSet } from './dataset.ts';

/**
 * `none`: grey values in [0, 1]. `static`: each pixel of the dataset is drawn once, black or white, with its grey value
 * as the probability. `stochastic`: drawn anew each time an image is used, as in Burda et al. (2016).
 */
export const BINARISATIONS = ['none', 'static', 'stochastic'] as const;
export type Binarisation = (typeof BINARISATIONS)[number];

const WHITE = 255;

/** Draws each image's pixels once, black or white; the draw depends on the seed, the part's name, and the image's position in it. */
export function binariseOnce(set: ImageSet, part: string, seed: number): ImageSet {
  const pixels = set.count === 0 ? 0 : set.images.length / set.count;
  const thresholds = new Float32Array(pixels);
  const images = new Uint8Array(set.images.length);
  for (let image = 0; image < set.count; image++) {
    fillNoise(thresholds, { kind: 'uniform' }, { seed, stream: `static binarisation ${part}`, step: image });
    for (let i = image * pixels, j = 0; j < pixels; i++, j++)
      images[i] = set.images[i] > thresholds[j] * WHITE ? WHITE : 0;
  }
  return { ...set, images };
}

/** Applies what can be applied before training; the rest is `targets`. Binarise before splitting. */
export function binariseDataset<T extends Pick<Dataset, 'train' | 'test'>>(
  dataset: T,
  how: Binarisation,
  seed: number,
): T {
  if (how !== 'static') return dataset;
  return {
    ...dataset,
    train: binariseOnce(dataset.train, 'train', seed),
    test: binariseOnce(dataset.test, 'test', seed),
  };
}

/** uint8 pixels [B, D] as targets in [0, 1]. */
export function targets(pixels: Tensor, how: Binarisation): Tensor {
  const grey = pixels.cast('float').mul(1 / WHITE);
  if (how !== 'stochastic') return grey;
  return noise('binarisation', { kind: 'uniform' }, pixels.shape).less(grey).cast('float');
}
