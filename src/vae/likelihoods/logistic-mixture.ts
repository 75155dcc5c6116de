/** 8-bit pixels, each place's channels together a mixture of discretised logistics. */

import { LogisticMixture } from '../distributions/discretised-logistic.ts';
import { channelsOf, type Likelihood, RANGES } from './likelihood.ts';

export const logisticMixture: Likelihood = {
  uses: ['mixtures'],
  kind: () => 'log probability',
  describe: ({ mixtures }) => `mixture of ${mixtures} discretised logistics, a likelihood of 8-bit pixels`,
  binaryPixels: false,
  unitRange: false,
  meansInRange: () => false,
  meanLogits: false,
  planes: (config) => LogisticMixture.valuesPerPlace(channelsOf(config), config.mixtures),
  read: (outputs, { imageShape: [channels, height, width], mixtures, range }) =>
    new LogisticMixture(outputs, channels, height * width, mixtures, RANGES[range]),
};
