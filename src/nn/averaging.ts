/** Averaging of the weights: an optimiser whose update keeps their moving average beside them. */

import { applyUpdate, elementwiseUpdate } from '../tensor/program.ts';
import type { Optimiser } from './optimisers.ts';

/** The moment that holds the average. */
export const AVERAGE = 'average';

/**
 * The exponential form of the averages of Polyak & Juditsky (1992), of the weights θ after the t-th update:
 *   average ← average + (1 − dₜ)(θ − average),  dₜ = min(decay, (t − 1) / (t + 8)).
 * The first update copies the weights. From there dₜ is that of TensorFlow's ExponentialMovingAverage,
 * min(decay, (1 + n) / (10 + n)) after n = t − 2 averages, so that a short run forgets its first weights.
 */
export function averaged(optimiser: Optimiser, decay: number): Optimiser {
  if (decay === 0) return optimiser;
  const { moments, coefficients } = optimiser.update;
  const update = elementwiseUpdate([...moments, AVERAGE], [...coefficients, 'averageRate'], (at) => {
    const updated = applyUpdate(optimiser.update, at);
    const average = at.average.add(updated.parameter.sub(at.average).mul(at.averageRate));
    return { ...updated, average };
  });
  return {
    update,
    coefficients: (step, learningRate) => ({
      ...optimiser.coefficients(step, learningRate),
      averageRate: 1 - Math.min(decay, (step - 1) / (step + 8)),
    }),
  };
}
