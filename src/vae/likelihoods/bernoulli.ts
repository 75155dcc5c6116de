/** Black or white pixels; of grey ones it is minus the cross-entropy. */

import { Bernoulli } from '../distributions/bernoulli.ts';
import { channelsOf, type Likelihood, logit } from './likelihood.ts';

export const bernoulli: Likelihood = {
  uses: [],
  kind: (binary) => (binary ? 'log probability' : 'cross-entropy'),
  describe: (_, binary) =>
    binary ? 'Bernoulli likelihood' : 'Bernoulli cross-entropy (no log probability of grey pixels)',
  binaryPixels: true,
  unitRange: true,
  meansInRange: () => true,
  planes: channelsOf,
  read: (logits) => new Bernoulli(logits),
  /** Where the decoder of Burda et al. (2016) begins: section 5. */
  outputsFor: ({ mean }) => mean.map(logit),
};
