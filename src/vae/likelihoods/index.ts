/** Likelihoods by name. */

import { bernoulli } from './bernoulli.ts';
import { continuousBernoulli } from './continuous-bernoulli.ts';
import { discretisedLogistic } from './discretised-logistic.ts';
import type { Likelihood } from './likelihood.ts';
import { logisticMixture } from './logistic-mixture.ts';
import { normal } from './normal.ts';
import { squaredError } from './squared-error.ts';

export const likelihoods = {
  bernoulli,
  'continuous-bernoulli': continuousBernoulli,
  normal,
  'discretised-logistic': discretisedLogistic,
  'logistic-mixture': logisticMixture,
  'squared-error': squaredError,
} as const satisfies Record<string, Likelihood>;

export type LikelihoodName = keyof typeof likelihoods;

export const likelihoodOf = (name: LikelihoodName): Likelihood => likelihoods[name];
