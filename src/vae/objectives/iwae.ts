/** The importance weighted bound, and the weights that it is made of. */

import type { Tensor } from '../../tensor/tensor.ts';
import type { LatentVariableModel } from '../model.ts';
import { countSamples, type Given, type Objective, type ObjectiveRow } from './objective.ts';

/**
 * Importance weighted bound with K samples: E[log (1/K) Σ w_k], w = p(x, z) / q(z|x), in nats. Burda et al. (2016), eq. 8.
 */
export function iwae(vae: LatentVariableModel, x: Tensor, noise: Tensor, given: Given = {}): Objective {
  const { logWeights, logLikelihood, kl } = weigh(vae, x, noise, given);
  const bound = logWeights.logSumExp(0).sub(Math.log(noise.shape[0])); // [S, B] → [B]
  return { loss: bound.mean().neg(), bound, logLikelihood: logLikelihood.mean(0), kl };
}

/**
 * log w = log p(x|z) + log p(z) − log q(z|x) for z ~ q(z|x): [S, B], in nats.
 * log mean w over samples estimates log p(x) from below: Burda et al. (2016), eq. 8.
 */
export const logWeights = (vae: LatentVariableModel, x: Tensor, noise: Tensor): Tensor =>
  weigh(vae, x, noise, {}).logWeights;

function weigh(vae: LatentVariableModel, x: Tensor, noise: Tensor, { mode = 'evaluation', seen = x }: Given) {
  const posterior = vae.encode(seen, mode); // q(z|x): [B, L]
  const { z, logProb: logPosterior, klTo } = posterior.draw(noise); // [S, B, L], [S, B]
  const logLikelihood = vae.decode(z, mode).logProb(x).sum(-1); // [S, B]
  const sampledKl = logPosterior.sub(vae.prior.logProb(z)); // [S, B]
  const kl = klTo(vae.prior)?.sum(-1) ?? sampledKl.mean(0); // [B]
  return { logWeights: logLikelihood.sub(sampledKl), logLikelihood, kl };
}

export const iwaeRow: ObjectiveRow<unknown> = {
  uses: ['samples'],
  hasPrior: true,
  addsUp: false,
  numberName: () => 'bound',
  describe: (samples) => `bound: importance weighted, ${countSamples(samples)}`,
  train: iwae,
  measure: (vae, x, noise) => iwae(vae, x, noise),
};
