/** What is maximised, and what is measured: bounds on log p(x), per example, in nats. */

import type { Mode } from '../nn/layer.ts';
import { constant, type Tensor } from '../tensor/tensor.ts';
import type { Vae } from './model.ts';
import { logPrior, type Posterior } from './posterior.ts';

/** How the KL term is had: in closed form, or as log q(z|x) − log p(z) at the samples. */
export const KL_ESTIMATORS = ['analytic', 'monte-carlo'] as const;
export type KlEstimator = (typeof KL_ESTIMATORS)[number];

/** How the gradient gets to the encoder: through the samples, or by their probability. */
export const GRADIENT_ESTIMATORS = ['reparametrised', 'score-function'] as const;
export type GradientEstimator = (typeof GRADIENT_ESTIMATORS)[number];

export interface ObjectiveOptions {
  readonly kl: KlEstimator;
  readonly estimator: GradientEstimator;
  /** Weight of the KL term; the bound itself always has 1. */
  readonly beta: number | Tensor;
  /** Nats of KL that each latent may spend without cost, on the average over the batch. */
  readonly freeBits: number;
  readonly mode: Mode;
  /** What the encoder sees of x, where that differs from x: [B, D]. */
  readonly seen?: Tensor;
}

/** What is measured without weights and allowances. */
export const MEASURED = {
  kl: 'analytic',
  estimator: 'reparametrised',
  beta: 1,
  freeBits: 0,
  mode: 'evaluation',
} as const satisfies ObjectiveOptions;

/** Per example [B], in nats. */
export interface Objective {
  /** The scalar to be made small, with its weights. */
  readonly loss: Tensor;
  /** A scalar whose derivative estimates the loss's; the loss itself, unless the estimator is of the score function. */
  readonly surrogate: Tensor;
  /** On log p(x), at β = 1. */
  readonly bound: Tensor;
  readonly logLikelihood: Tensor;
  /** In closed form where there is one, whatever the bound uses, so that it is never negative. */
  readonly kl: Tensor;
}

interface Terms {
  readonly posterior: Posterior;
  /** [S, B, L] */
  readonly z: Tensor;
  /** log p(x|z) and log q(z|x) − log p(z) at the samples: [S, B]. */
  readonly logLikelihood: Tensor;
  readonly sampledKl: Tensor;
  /** [B] */
  readonly kl: Tensor;
}

type Seen = Pick<ObjectiveOptions, 'mode' | 'seen'>;

function terms(vae: Vae, x: Tensor, noise: Tensor, { mode, seen = x }: Seen, fixSamples = false): Terms {
  const posterior = vae.encode(seen, mode); // q(z|x)
  const drawn = posterior.draw(noise);
  const z = fixSamples ? drawn.z.stopGradient() : drawn.z; // [S, B, L]
  const logLikelihood = vae.decode(z, mode).logProb(x).sum(-1); // p(x|z): [S, B]
  const logPosterior = fixSamples ? drawn.logProb.stopGradient() : drawn.logProb;
  const sampledKl = logPosterior.sub(logPrior(z)); // [S, B]
  const kl = posterior.kl?.sum(-1) ?? sampledKl.mean(0);
  return { posterior, z, logLikelihood, sampledKl, kl };
}

const largerOf = (a: Tensor, b: number): Tensor => a.sub(b).relu().add(b);

/**
 * The KL term of the loss, a scalar: its mean over the batch, or with free bits λ
 *   Σ over latents of max(λ, mean over the batch of KL(q(z_l|x) ‖ p(z_l))): Kingma et al. (2016), eq. 15.
 */
function penalty({ posterior, sampledKl, kl }: Terms, { kl: estimator, freeBits }: ObjectiveOptions): Tensor {
  if (freeBits > 0) return largerOf(posterior.kl!.mean(0), freeBits).sum();
  return (estimator === 'analytic' ? kl : sampledKl).mean();
}

/**
 * Evidence lower bound of x [B, D] with noise ε [S, B, L], in nats per example, averaged over the samples:
 *   E_q[log p(x|z)] − β KL(q(z|x) ‖ p(z)) ≤ log p(x) at β = 1.
 * Kingma & Welling (2014), eq. 3; its eq. 2 with a Monte Carlo KL; β from Higgins et al. (2017).
 */
export function elbo(vae: Vae, x: Tensor, noise: Tensor, options: ObjectiveOptions): Objective {
  const byScore = options.estimator === 'score-function';
  const found = terms(vae, x, noise, options, byScore);
  const { logLikelihood, sampledKl, kl } = found;
  const bound = logLikelihood.mean(0).sub(options.kl === 'analytic' ? kl : sampledKl.mean(0)); // [B]
  const loss = penalty(found, options).mul(options.beta).sub(logLikelihood.mean());
  return {
    loss,
    surrogate: byScore ? loss.sub(scoreTerm(found, options)) : loss,
    bound,
    logLikelihood: logLikelihood.mean(0),
    kl,
  };
}

/**
 * A scalar whose derivative is E_q[(f(z) − b) ∇ log q(z|x)], the part of ∇ E_q[f(z)] that comes from where z is drawn:
 * Williams (1992). f is what the samples change of the bound. The baseline b of a sample is the mean f of the image's
 * other samples, or of the batch's other images where there is one sample; it knows nothing of the sample, so it costs no
 * bias: Mnih & Rezende (2016), section 2.4.
 */
function scoreTerm({ posterior, z, logLikelihood, sampledKl }: Terms, { kl, beta }: ObjectiveOptions): Tensor {
  const f = kl === 'analytic' ? logLikelihood : logLikelihood.sub(sampledKl.mul(beta)); // [S, B]
  const axis = f.shape[0] > 1 ? 0 : 1;
  const others = Math.max(1, f.shape[axis] - 1);
  const baseline = f
    .sum(axis, true)
    .sub(f)
    .mul(1 / others);
  const advantage = f.sub(baseline).stopGradient();
  return advantage.mul(posterior.base!.logProb(z).sum(-1)).mean();
}

/**
 * Importance weighted bound with K samples: E[log (1/K) Σ w_k], w = p(x, z) / q(z|x). Burda et al. (2016), eq. 8.
 */
export function iwae(vae: Vae, x: Tensor, noise: Tensor, options: ObjectiveOptions): Objective {
  const { logLikelihood, sampledKl, kl } = terms(vae, x, noise, options);
  const bound = logLikelihood.sub(sampledKl).logSumExp(0).sub(Math.log(noise.shape[0])); // [S, B] → [B]
  const loss = bound.mean().neg();
  return { loss, surrogate: loss, bound, logLikelihood: logLikelihood.mean(0), kl };
}

/** A plain autoencoder's: log p(x|z) at z = f(x), or what stands in its place. There is no prior, so there is no KL. */
export function autoencoder(vae: Vae, x: Tensor, _noise: Tensor, { mode, seen = x }: ObjectiveOptions): Objective {
  const logLikelihood = vae.decode(vae.encode(seen, mode).centre, mode).logProb(x).sum(-1); // [B]
  const loss = logLikelihood.mean().neg();
  const kl = constant(0).broadcastTo(logLikelihood.shape);
  return { loss, surrogate: loss, bound: logLikelihood, logLikelihood, kl };
}

export const objectives = { elbo, iwae, autoencoder } as const;
export type ObjectiveName = keyof typeof objectives;

/**
 * log w = log p(x|z) + log p(z) − log q(z|x) for z ~ q(z|x): [S, B], in nats.
 * log mean w over samples estimates log p(x) from below: Burda et al. (2016), eq. 8.
 */
export function logWeights(vae: Vae, x: Tensor, noise: Tensor, mode: Mode = 'evaluation'): Tensor {
  const { logLikelihood, sampledKl } = terms(vae, x, noise, { mode });
  return logLikelihood.sub(sampledKl);
}
