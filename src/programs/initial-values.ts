/** The first values of a model's parameters: from the seed, and where it is asked for from the data. */

import type { ImageSet } from '../data/dataset.ts';
import { pixelsAt } from '../data/dataset.ts';
import type { Model } from './programs.ts';

/** Images that the mean is taken over, at most: more change no digit that matters. */
const MOST_IMAGES = 50_000;
/** A pixel that is never white is taken for white this often, so that its logit is finite. */
const LEAST_SHARE = 1e-3;

/** logit of each pixel's mean: where a decoder of Bernoulli logits begins in Burda et al. (2016), section 5. */
function meanLogits(set: ImageSet, pixels: number): Float32Array {
  const count = Math.min(set.count, MOST_IMAGES);
  const sums = new Float64Array(pixels);
  for (let image = 0; image < count; image++) {
    const values = pixelsAt(set, Int32Array.of(image));
    for (let i = 0; i < pixels; i++) sums[i] += values[i];
  }
  return Float32Array.from(sums, (sum) => {
    const share = Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, sum / (255 * count)));
    return Math.log(share / (1 - share));
  });
}

/** Every parameter's name and values. */
export function initialValues({ vae, config }: Model, train: ImageSet): [string, Float32Array][] {
  const values = vae.parameters.map(({ name, initialise }): [string, Float32Array] => [name, initialise(config.seed)]);
  if (config.initialBias === 'default') return values;
  // A dense decoder's last bias has a value for each pixel.
  const last = vae.decoder.parameters.at(-1)!.name;
  return values.map(([name, value]) => [name, name === last ? meanLogits(train, vae.pixels) : value]);
}
