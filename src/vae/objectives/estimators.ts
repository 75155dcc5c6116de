/** How the gradient of an objective gets to the encoder: through the samples, or by their probability. */

import type { Tensor } from '../../tensor/tensor.ts';
import type { Posterior } from '../posteriors/posterior.ts';
import type { ObjectiveFunction } from './objective.ts';

interface Estimator {
  /** Whether log q(z|x) must be known for any z. */
  readonly needsDensity: boolean;
  /** The objective with the same value and a surrogate whose derivative estimates that of its loss. */
  readonly around: <Options>(objective: ObjectiveFunction<Options>) => ObjectiveFunction<Options>;
}

/**
 * The score function: Williams (1992). The samples are fixed, so that the loss's own derivative lacks
 *   E_q[(f(z) − b) ∇ log q(z|x)],
 * the part of ∇ E_q[f(z)] that comes from where z is drawn; the surrogate has it. f is what the samples change of minus
 * the loss. The baseline b of a sample is the mean f of the image's other samples, or of the batch's other images where
 * there is one sample; it knows nothing of the sample, so it costs no bias: Mnih & Rezende (2016), section 2.4.
 */
const scoreFunction: Estimator['around'] = (objective) => (vae, x, noise, options) => {
  const scores: Tensor[] = []; // log q(z|x) at the samples: [S, B]
  const encode: typeof vae.encode = (image, mode) => withFixedSamples(vae.encode(image, mode), scores);
  const { prior } = vae;
  const found = objective({ prior, encode, decode: (z, mode) => vae.decode(z, mode) }, x, noise, options);
  const { loss, perSample: f } = found; // [S, B]
  if (f === undefined) throw new TypeError('the score function needs an objective that is a mean over samples');
  const advantage = f.sub(baselineOf(f)).stopGradient();
  const score = scores.reduce((sum, each) => sum.add(each));
  return { ...found, surrogate: loss.sub(advantage.mul(score).mean()) };
};

function withFixedSamples(posterior: Posterior, scores: Tensor[]): Posterior {
  const { logProb } = posterior;
  if (logProb === undefined) throw new TypeError('the score function needs the density of its posterior for any z');
  return {
    ...posterior,
    draw: (noise) => {
      const drawn = posterior.draw(noise);
      const z = drawn.z.stopGradient();
      scores.push(logProb(z));
      return { ...drawn, z, logProb: drawn.logProb.stopGradient() };
    },
  };
}

function baselineOf(f: Tensor): Tensor {
  const axis = f.shape[0] > 1 ? 0 : 1;
  const others = Math.max(1, f.shape[axis] - 1);
  return f
    .sum(axis, true)
    .sub(f)
    .mul(1 / others);
}

export const estimators = {
  reparametrised: { needsDensity: false, around: (objective) => objective },
  'score-function': { needsDensity: true, around: scoreFunction },
} as const satisfies Record<string, Estimator>;

export type EstimatorName = keyof typeof estimators;
