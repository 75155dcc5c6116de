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
  const average = (values: (image: number, l: number) => number): number[] =>
    Array.from({ length: latent }, (_, l) => {
      let sum = 0;
      for (let image = 0; image < count; image++) sum += values(image, l);
      return sum / count;
    });
  const means = average((image, l) => mean[image * latent + l]);
  const meanVariance = average((image, l) => (mean[image * latent + l] - means[l]) ** 2);
  return {
    activeUnits: meanVariance.filter((variance) => variance > ACTIVE_ABOVE).length,
    meanVariance,
    ...(kl && { kl: average((image, l) => kl[image * latent + l]) }),
  };
}
