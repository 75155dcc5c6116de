/** Grey pixels in [0, 1], by the continuous Bernoulli density: Loaiza-Ganem & Cunningham (2019). */

import { ContinuousBernoulli } from '../distributions/continuous-bernoulli.ts';
import { channelsOf, type Likelihood } from './likelihood.ts';

export const continuousBernoulli: Likelihood = {
  uses: [],
  kind: () => 'log density',
  describe: () => 'continuous Bernoulli density',
  binaryPixels: false,
  unitRange: true,
  meansInRange: () => true,
  meanLogits: false,
  planes: channelsOf,
  read: (logits) => new ContinuousBernoulli(logits),
};
