/** How a model uses its latents: which are active, and what each costs. */

import type { Encoding } from '../inference/trained-model.ts';

/** A latent is active where its posterior mean varies by more than this over the data: Burda et al. (2016), section 5.2. */
const ACTIVE_ABOVE = 0.01;

export interface LatentStatistics {
  readonly activeUnits: number;
  /** Variance of each latent's posterior mean over the images: [L]. */
  readonly meanVariance: readonly number[];
  /** KL of each latent in closed form, averaged over the images, in nats: [L]. None for flows, which mix the latents. */
  readonly kl?: readonly number[];
}

export function latentStatistics({ mean, kl }: Pick<Encoding, 'mean' | 'kl'>, latent: number): LatentStatistics {
  const count = mean.length / latent;
  // Image by image, as they lie in memory: a map may have 10,000 latents.
  const average = (values: (at: number, l: number) => number): number[] => {
    const sums = new Float64Array(latent);
    for (let start = 0; start < mean.length; start += latent) {
      for (let l = 0; l < latent; l++) sums[l] += values(start + l, l);
    }
    return Array.from(sums, (sum) => sum / count);
  };
  const means = average((at) => mean[at]);
  const meanVariance = average((at, l) => (mean[at] - means[l]) ** 2);
  return {
    activeUnits: meanVariance.filter((variance) => variance > ACTIVE_ABOVE).length,
    meanVariance,
    ...(kl && { kl: average((at) => kl[at]) }),
  };
}
