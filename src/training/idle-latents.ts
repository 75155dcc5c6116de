/** Signs that a model does not use its latents. Healthy runs show none of them, neither early nor at their end. */

import type { EpochRecord } from './records.ts';

/** What a run is compared with. */
export interface Yardstick {
  /** Mean of log p(x) over the test images without latents, in nats per image. */
  readonly withoutLatents: number;
  /** Mean over pixels of their variance over the training images, on the scale from 0 to 1. */
  readonly pixelVariance: number;
}

/** What is known of a run before it begins. */
export interface Judged extends Yardstick {
  readonly epochs: number;
  readonly beta: number;
  readonly klWarmUp: number;
}

export type Sign =
  /** The KL is near 0. */
  | { readonly kind: 'no information'; readonly kl: number }
  /** The bound, with the weight β of the KL where that is below 1, is lower than without latents. */
  | { readonly kind: 'no gain'; readonly bound: number; readonly withoutLatents: number }
  /** The variance of sample pictures, as a share of that of the training images. */
  | { readonly kind: 'no variety'; readonly share: number };

/** Nothing is said of a model that has had fewer updates. */
const FEWEST_UPDATES = 200;
/** Nats per image. The preset with the least, tutorial, has 1.8 after an epoch; a model that has collapsed, 0.01 or less. */
const LEAST_KL = 0.5;
/** Healthy models have 0.02 after 200 updates on CIFAR-10, 0.1 after 100 on MNIST; those that have collapsed, 0.007 or less. */
const LEAST_VARIETY = 0.01;

/**
 * Judges an epoch: the KL and the samples from the second epoch on, the bound from a third of the run on and once β has
 * risen; all of them at the last epoch. A run at β = 0 is asked for nothing.
 * @param sampleVariance mean over pixels of their variance over sample pictures, where the epoch has some.
 */
export function signsOf(
  { epoch, step, test }: EpochRecord,
  isLast: boolean,
  { epochs, beta, klWarmUp, withoutLatents, pixelVariance }: Judged,
  sampleVariance?: number,
): Sign[] {
  if (beta === 0 || step < FEWEST_UPDATES || (epoch === 1 && !isLast)) return [];
  const isDue = isLast || (epoch >= epochs / 3 && step >= klWarmUp);
  const bound = test.bound + Math.max(0, 1 - beta) * test.kl;
  const share = (sampleVariance ?? Number.NaN) / pixelVariance;
  return [
    ...(test.kl < LEAST_KL ? [{ kind: 'no information', kl: test.kl } as const] : []),
    ...(isDue && bound < withoutLatents ? [{ kind: 'no gain', bound, withoutLatents } as const] : []),
    ...(share < LEAST_VARIETY ? [{ kind: 'no variety', share } as const] : []),
  ];
}

/** Mean over the values of an image of their variance over pictures [count, D]. */
export function varianceOf(pictures: Float32Array, values: number): number {
  const count = pictures.length / values;
  let sum = 0;
  for (let i = 0; i < values; i++) {
    let [mean, squares] = [0, 0];
    for (let at = i; at < pictures.length; at += values) mean += pictures[at] / count;
    for (let at = i; at < pictures.length; at += values) squares += (pictures[at] - mean) ** 2;
    sum += squares / count;
  }
  return sum / values;
}
