/** The standard normal prior, p(z) = N(z; 0, I). */

import { standardNormalLogProb } from '../distributions/normal.ts';
import type { Prior } from './prior.ts';

/** @param latent the number of latents, L. */
export const standardNormalPrior = (latent: number): Prior => ({
  parameters: [],
  logProb: (z) => standardNormalLogProb(z).sum(-1),
  noiseSize: latent,
  sample: (noise) => noise,
  klFrom: (posterior) => posterior.klFromStandardNormal(),
});
