/** All mass at one point: the code of a plain autoencoder, which knows no prior. */

import { constant, type Tensor } from '../../tensor/tensor.ts';
import type { Posterior, PosteriorRow } from './posterior.ts';

export const pointPosterior = (code: Tensor): Posterior => ({
  centre: code,
  draw: (noise) => ({
    z: code.broadcastTo(noise.shape),
    logProb: constant(0).broadcastTo(noise.shape.slice(0, -1)),
    klTo: () => undefined,
  }),
});

export const point: PosteriorRow = {
  kind: 'point',
  closedForm: false,
  uses: [],
  create: ({ latent }) => ({ outputs: latent, parameters: [], read: pointPosterior }),
};
