/** A plain autoencoder's objective. */

import { constant, type Tensor } from '../../tensor/tensor.ts';
import type { LatentVariableModel } from '../model.ts';
import type { Given, Objective, ObjectiveRow } from './objective.ts';

/** log p(x|z) at z = f(x), or what stands in its place, in nats. There is no prior, so the KL is 0. */
export function autoencoder(
  vae: LatentVariableModel,
  x: Tensor,
  _noise: Tensor,
  { mode = 'evaluation', seen = x }: Given = {},
): Objective {
  const logLikelihood = vae.decode(vae.encode(seen, mode).centre, mode).logProb(x).sum(-1); // [B]
  const kl = constant(0).broadcastTo(logLikelihood.shape);
  return { loss: logLikelihood.mean().neg(), bound: logLikelihood, logLikelihood, kl };
}

export const autoencoderRow: ObjectiveRow<unknown> = {
  uses: [],
  hasPrior: false,
  addsUp: true,
  numberName: (kind) => (kind === 'error' ? 'minus squared error' : 'log likelihood'),
  describe: () => 'no bound: a plain autoencoder has no prior',
  train: autoencoder,
  measure: (vae, x, noise) => autoencoder(vae, x, noise),
};
