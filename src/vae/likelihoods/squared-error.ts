/** No likelihood: what a plain autoencoder may be trained by. */

import { SquaredError } from '../distributions/squared-error.ts';
import { channelsOf, type Likelihood, pixelMean, rawMean } from './likelihood.ts';

export const squaredError: Likelihood = {
  uses: ['squash'],
  kind: () => 'error',
  describe: () => 'minus the squared error (no likelihood)',
  binaryPixels: true,
  unitRange: false,
  meansInRange: ({ squash }) => squash,
  planes: channelsOf,
  read: (outputs, config) => new SquaredError(pixelMean(outputs, config)),
  outputsFor: ({ mean }, config) => mean.map((value) => rawMean(value, config)),
};
