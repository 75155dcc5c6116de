/** Normal pixels, with a standard deviation that is given, learnt for all pixels, or the decoder's for each. */

import { createParameter, initializers } from '../../nn/parameter.ts';
import { constant, type Tensor } from '../../tensor/tensor.ts';
import { Normal } from '../distributions/normal.ts';
import {
  channelsOf,
  type Likelihood,
  type LikelihoodConfig,
  pixelMean,
  planesOf,
  RANGES,
  rawMean,
  widthOf,
} from './likelihood.ts';
import { meanVariance, stddevs } from './moments.ts';

/** One grey level of 256: to be surer of a pixel than its bytes can tell is to model their rounding. */
const leastStddev = ({ range }: LikelihoodConfig): number => widthOf(RANGES[range]) / 256;

/** σ = least + eʳ, so that no pixel's density can grow without end. */
function learnedNormal(mean: Tensor, rawLogStddev: Tensor, config: LikelihoodConfig): Normal {
  const stddev = rawLogStddev.exp().add(leastStddev(config));
  return new Normal(mean, stddev.log().mul(2), stddev);
}

/** The r of a standard deviation on the scale from 0 to 1. A pixel that never changes is given a hundredth above the least. */
function rawLogStddevOf(stddev: number, config: LikelihoodConfig): number {
  const least = leastStddev(config);
  return Math.log(Math.max(stddev * widthOf(RANGES[config.range]) - least, least / 100));
}

const LEARNED = {
  learned: 'one learnt standard deviation',
  'per-pixel': 'a standard deviation that the decoder gives for each pixel',
} as const;

export const normal: Likelihood = {
  uses: ['stddev', 'squash'],
  kind: () => 'log density',
  describe: ({ stddev }) =>
    `normal density with ${typeof stddev === 'number' ? `standard deviation ${stddev}` : LEARNED[stddev]}`,
  binaryPixels: false,
  unitRange: false,
  meansInRange: ({ squash }) => squash,
  planes: (config) => channelsOf(config) * (config.stddev === 'per-pixel' ? 2 : 1),
  parameters: ({ stddev }) =>
    stddev === 'learned' ? [createParameter('likelihood.log_stddev', [1], initializers.he.bias, [1, 1])] : [],
  read: (outputs, config, [logStddev]) => {
    const { stddev } = config;
    if (stddev === 'learned') return learnedNormal(pixelMean(outputs, config), logStddev.tensor, config);
    if (stddev === 'per-pixel') {
      const [mean, raw] = outputs.split(2, -1);
      return learnedNormal(pixelMean(mean, config), raw, config);
    }
    return new Normal(pixelMean(outputs, config), constant(2 * Math.log(stddev)), constant(stddev));
  },
  outputsFor: (moments, config) => {
    const means = moments.mean.map((value) => rawMean(value, config));
    if (config.stddev !== 'per-pixel') return means;
    return planesOf(
      means,
      stddevs(moments).map((stddev) => rawLogStddevOf(stddev, config)),
    );
  },
  parametersFor: (moments, config) => {
    if (config.stddev !== 'learned') return [];
    return [Float64Array.of(rawLogStddevOf(Math.sqrt(meanVariance(moments)), config))];
  },
};
