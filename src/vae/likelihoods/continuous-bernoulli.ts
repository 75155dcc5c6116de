/** Grey pixels in [0, 1], by the continuous Bernoulli density: Loaiza-Ganem & Cunningham (2019). */

import { ContinuousBernoulli } from '../distributions/continuous-bernoulli.ts';
import { channelsOf, inside, type Likelihood } from './likelihood.ts';

/** 1 / (1 − e^−l) − 1 / l: the mean at a logit that is not 0. */
const meanAt = (l: number): number => 1 / -Math.expm1(-l) - 1 / l;

/** The logit that has a mean, by halving: the mean rises with the logit, and is about 1 − 1/l far from 0. */
function logitOf(share: number): number {
  const mean = inside(share);
  if (mean < 0.5) return -logitOf(1 - mean);
  let [low, high] = [0, 1 / (1 - mean)];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (meanAt(middle) < mean) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

export const continuousBernoulli: Likelihood = {
  uses: [],
  kind: () => 'log density',
  describe: () => 'continuous Bernoulli density',
  binaryPixels: false,
  unitRange: true,
  meansInRange: () => true,
  planes: channelsOf,
  read: (logits) => new ContinuousBernoulli(logits),
  outputsFor: ({ mean }) => mean.map(logitOf),
};
