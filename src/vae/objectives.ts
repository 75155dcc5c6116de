/** What is maximised, and what is measured: bounds on log p(x), per example, in nats. */

import type { Mode } from '../nn/layer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { standardNormalLogProb } from './distributions/normal.ts';
import type { Vae } from './model.ts';

/** How the KL term is had: in closed form, or as log q(z|x) − log p(z) at the samples. */
export const KL_ESTIMATORS = ['analytic', 'monte-carlo'] as const;
export type KlEstimator = (typeof KL_ESTIMATORS)[number];

export interface ElboOptions {
  readonly kl: KlEstimator;
  /** Weight of the KL term; the bound is one on log p(x) at 1. */
  readonly beta: number;
  readonly mode: Mode;
}

/** Per example [B], in nats; the loss is minus the bound's mean over the batch. */
export interface Objective {
  readonly loss: Tensor;
  readonly bound: Tensor;
  readonly logLikelihood: Tensor;
  /** In closed form whatever the bound uses, so that it is never negative. */
  readonly kl: Tensor;
}

/**
 * Evidence lower bound of x [B, D] with noise ε [S, B, L], in nats per example:
 *   E_q[log p(x|z)] − β KL(q(z|x) ‖ p(z)) ≤ log p(x) at β = 1.
 * Kingma & Welling (2014), eq. 3; its eq. 2 with a Monte Carlo KL; β from Higgins et al. (2017).
 */
export function elbo(vae: Vae, x: Tensor, noise: Tensor, { kl: estimator, beta, mode }: ElboOptions): Objective {
  const posterior = vae.encode(x, mode); // q(z|x): [B, L]
  const z = posterior.sample(noise); // [S, B, L]
  const likelihood = vae.decode(z, mode); // p(x|z): [S, B, D]

  const logLikelihood = likelihood.logProb(x).sum(-1).mean(0); // [S, B, D] → [B]
  const kl = posterior.klFromStandardNormal().sum(-1); // [B]
  const sampledKl = posterior.logProb(z).sub(standardNormalLogProb(z)).sum(-1).mean(0); // [S, B, L] → [B]
  const bound = logLikelihood.sub((estimator === 'analytic' ? kl : sampledKl).mul(beta)); // [B]

  return { loss: bound.mean().neg(), bound, logLikelihood, kl };
}

/**
 * log w = log p(x|z) + log p(z) − log q(z|x) for z ~ q(z|x): [S, B], in nats.
 * log mean w over samples estimates log p(x) from below: Burda et al. (2016), eq. 8.
 */
export function logWeights(vae: Vae, x: Tensor, noise: Tensor, mode: Mode = 'evaluation'): Tensor {
  const posterior = vae.encode(x, mode);
  const z = posterior.sample(noise); // [S, B, L]
  const logLikelihood = vae.decode(z, mode).logProb(x).sum(-1);
  const logPrior = standardNormalLogProb(z).sum(-1);
  const logPosterior = posterior.logProb(z).sum(-1);
  return logLikelihood.add(logPrior).sub(logPosterior);
}
