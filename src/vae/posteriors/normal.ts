/** A diagonal normal posterior: mean field. */

import type { Tensor } from '../../tensor/tensor.ts';
import { type Normal, scaleParametrisations } from '../distributions/normal.ts';
import type { Posterior, PosteriorConfig, PosteriorRow } from './posterior.ts';

export const normalPosterior = (normal: Normal): Posterior => {
  const logProb = (z: Tensor): Tensor => normal.logProb(z).sum(-1);
  return {
    centre: normal.mean,
    stddev: normal.stddev,
    draw: (noise) => {
      const z = normal.sample(noise);
      return { z, logProb: logProb(z), klTo: (prior) => prior.klFrom(normal) };
    },
    logProb,
  };
};

/** The normal that the first 2L of an encoder's outputs [B, ≥ 2L] describe: L means, then L raw scales. */
export function readNormal(outputs: Tensor, { latent, scale }: PosteriorConfig): Normal {
  const [mean, raw] = [outputs.slice(-1, 0, latent), outputs.slice(-1, latent, 2 * latent)];
  return scaleParametrisations[scale](mean, raw);
}

export const normal: PosteriorRow = {
  kind: 'density',
  closedForm: true,
  uses: ['scale'],
  create: (config) => ({
    outputs: 2 * config.latent,
    parameters: [],
    read: (outputs) => normalPosterior(readNormal(outputs, config)),
  }),
};
