/** The moments of a set's pixels: means, variances, and how the channels of a place vary together. */

import { batches, type ImageSet, type ImageShape, pixelsAt } from '../data/dataset.ts';
import type { PixelMoments } from '../vae/likelihoods/moments.ts';

/** Images that moments are taken over, at most: more change no digit that matters. */
const MOST_IMAGES = 50_000;
/** Images that are read at once. */
const READ_IMAGES = 64;
const WHITE = 255;

/** A decoder begins by them, and its bound is compared with what they give alone: one pass serves both. */
const known = new WeakMap<ImageSet, PixelMoments>();

/** The moments of the first images of a set, which are computed once. */
export function pixelMoments(set: ImageSet, imageShape: ImageShape): PixelMoments {
  const moments = known.get(set) ?? computeMoments(set, imageShape);
  known.set(set, moments);
  return moments;
}

/** In one pass. Sums of bytes are whole numbers, so a pixel that never changes has variance 0. */
function computeMoments(set: ImageSet, [channels, height, width]: ImageShape): PixelMoments {
  const places = height * width;
  const size = channels * places;
  const count = Math.min(set.count, MOST_IMAGES);
  const sums = new Float64Array(size);
  /** Σ x_a x_b for channels a ≤ b, [C, C, places]. */
  const products = new Float64Array(channels * size);
  for (const positions of batches(count, READ_IMAGES)) {
    const pixels = pixelsAt(set, positions);
    for (let image = 0; image < pixels.length; image += size) {
      for (let i = 0; i < size; i++) sums[i] += pixels[image + i];
      for (let a = 0; a < channels; a++) {
        for (let b = a; b < channels; b++) {
          const [first, second, at] = [image + a * places, image + b * places, (a * channels + b) * places];
          for (let place = 0; place < places; place++)
            products[at + place] += pixels[first + place] * pixels[second + place];
        }
      }
    }
  }
  // E[x_a x_b] − E[x_a] E[x_b], without a difference of rounded numbers.
  const covariance = products.map((_, i) => {
    const [pair, place] = [Math.floor(i / places), i % places];
    const [a, b] = [Math.floor(pair / channels), pair % channels].toSorted((x, y) => x - y);
    const product = products[(a * channels + b) * places + place];
    return (count * product - sums[a * places + place] * sums[b * places + place]) / (count * WHITE) ** 2;
  });
  return { channels, places, mean: sums.map((sum) => sum / (WHITE * count)), covariance };
}
