/** The evidence lower bound. */

import { concat, type Tensor } from '../../tensor/tensor.ts';
import type { LatentVariableModel } from '../model.ts';
import { type EstimatorName, estimators } from './estimators.ts';
import { countSamples, type Given, type Objective, type ObjectiveRow } from './objective.ts';

/** How the KL term is computed: in closed form, or as log q(z|x) − log p(z) at the samples. */
export const KL_ESTIMATORS = ['analytic', 'monte-carlo'] as const;
export type KlEstimator = (typeof KL_ESTIMATORS)[number];

export interface ElboOptions {
  /** `analytic` by default; where the KL has no closed form, it is estimated. */
  readonly kl?: KlEstimator;
  /** Weight of the KL term in the loss, 1 by default; the bound itself always has 1. */
  readonly beta?: number | Tensor;
  /** Nats of KL that each latent, or layer of latents, may spend without cost, on the batch's average. None by default. */
  readonly freeBits?: number;
}

/**
 * Evidence lower bound of x [B, D] with noise ε [S, B, L], in nats per example, averaged over the samples:
 *   E_q[log p(x|z)] − β KL(q(z|x) ‖ p(z)) ≤ log p(x) at β = 1.
 * Kingma & Welling (2014), eq. 3; its eq. 2 with a Monte Carlo KL; β from Higgins et al. (2017).
 */
export function elbo(
  vae: LatentVariableModel,
  x: Tensor,
  noise: Tensor,
  { kl: estimator = 'analytic', beta = 1, freeBits = 0, mode = 'evaluation', seen = x }: ElboOptions & Given = {},
): Objective {
  const posterior = vae.encode(seen, mode); // q(z|x): [B, L]
  const { z, logProb: logPosterior, klTo } = posterior.draw(noise); // [S, B, L], [S, B]
  const likelihood = vae.decode(z, mode); // p(x|z): [S, B, D]

  const logLikelihood = likelihood.logProb(x).sum(-1); // [S, B]
  const sampledKl = logPosterior.sub(vae.prior.logProb(z)); // [S, B]
  const latentKl = klTo(vae.prior); // [B, L]
  const layerKl = latentKl && posterior.layers && byLayer(latentKl, posterior.layers); // [B, layers]
  const kl = latentKl?.sum(-1) ?? sampledKl.mean(0); // [B]
  const isAnalytic = estimator === 'analytic';

  const penalty = freeBits > 0 ? withAllowance(layerKl ?? latentKl, freeBits) : (isAnalytic ? kl : sampledKl).mean();
  return {
    loss: penalty.mul(beta).sub(logLikelihood.mean()),
    bound: logLikelihood.mean(0).sub(isAnalytic ? kl : sampledKl.mean(0)), // [B]
    logLikelihood: logLikelihood.mean(0),
    kl,
    ...(layerKl && { layerKl }),
    perSample: isAnalytic ? logLikelihood : logLikelihood.sub(sampledKl.mul(beta)),
  };
}

/** The KL of each latent, [B, L], added up for each layer: [B, layers]. */
const byLayer = (latentKl: Tensor, layers: readonly number[]): Tensor =>
  concat(
    latentKl.cut(layers, -1).map((kl) => kl.sum(-1, true)),
    -1,
  );

/** Σ over latents, or layers, of max(λ, mean over the batch of its KL): Kingma et al. (2016), eq. 15. */
function withAllowance(latentKl: Tensor | undefined, freeBits: number): Tensor {
  if (latentKl === undefined) throw new TypeError('free bits need the KL of each latent in closed form');
  return latentKl.mean(0).sub(freeBits).relu().add(freeBits).sum();
}

/** The settings of a run that it reads. */
export interface ElboSettings extends Required<ElboOptions> {
  readonly estimator: EstimatorName;
  readonly gradientVariance: boolean;
}

export const elboRow: ObjectiveRow<ElboSettings> = {
  uses: ['kl', 'estimator', 'gradientVariance', 'beta', 'klWarmUp', 'freeBits', 'samples'],
  hasPrior: true,
  addsUp: true,
  numberName: () => 'bound',
  describe: (samples) => `bound: ELBO, ${countSamples(samples)}`,
  train: (vae, x, noise, settings) => estimators[settings.estimator].around(elbo)(vae, x, noise, settings),
  measure: (vae, x, noise, { kl }) => elbo(vae, x, noise, { kl }),
  conflict: ({ kl, estimator, gradientVariance, freeBits }, { closedForm }) => {
    const isAnalytic = kl === 'analytic';
    if (freeBits > 0 && (!isAnalytic || !closedForm)) {
      const remedy = closedForm ? { field: 'kl', value: 'analytic' } : { field: 'posterior', value: 'normal' };
      const problem = 'free bits need the KL of each latent in closed form';
      return { field: 'freeBits', problem, remedies: [remedy] };
    }
    if (isAnalytic && !closedForm) {
      const problem = 'the KL of a flow has no closed form';
      return { field: 'kl', problem, remedies: [{ field: 'kl', value: 'monte-carlo' }] };
    }
    const needsDensity = estimators[estimator].needsDensity
      ? 'estimator'
      : gradientVariance
        ? 'gradientVariance'
        : undefined;
    if (needsDensity === undefined || closedForm) return undefined;
    const problem = 'needs a posterior whose density can be computed for any z';
    return { field: needsDensity, problem, remedies: [{ field: 'posterior', value: 'normal' }] };
  },
};
