/** 8-bit pixels, each a discretised logistic. */

import { DiscretisedLogistic } from '../distributions/discretised-logistic.ts';
import { channelsOf, type Likelihood, RANGES } from './likelihood.ts';

export const discretisedLogistic: Likelihood = {
  uses: [],
  kind: () => 'log probability',
  describe: () => 'discretised logistic likelihood of 8-bit pixels',
  binaryPixels: false,
  unitRange: false,
  meansInRange: () => false,
  meanLogits: false,
  planes: (config) => 2 * channelsOf(config),
  read: (outputs, { range }) => {
    const [mean, logScale] = outputs.split(2, -1);
    return new DiscretisedLogistic(mean, logScale, RANGES[range]);
  },
};
