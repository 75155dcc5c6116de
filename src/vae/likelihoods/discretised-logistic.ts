/** 8-bit pixels, each a discretised logistic. */

import { DiscretisedLogistic, LEAST_LOG_SCALE } from '../distributions/discretised-logistic.ts';
import { channelsOf, type Likelihood, planesOf, RANGES } from './likelihood.ts';
import { stddevs } from './moments.ts';

/** From the scale from 0 to 1 to that of means and scales. */
export const signed = (mean: number): number => 2 * mean - 1;

/** Where a scale that is at its least still has a derivative. */
const LEAST_START = LEAST_LOG_SCALE + 0.1;

/** log s of a logistic, whose standard deviation is sπ/√3, for one on the scale from 0 to 1. */
export const logScaleOf = (stddev: number): number =>
  Math.max(LEAST_START, Math.log((2 * stddev * Math.sqrt(3)) / Math.PI));

export const discretisedLogistic: Likelihood = {
  uses: [],
  kind: () => 'log probability',
  describe: () => 'discretised logistic likelihood of 8-bit pixels',
  binaryPixels: false,
  unitRange: false,
  meansInRange: () => false,
  planes: (config) => 2 * channelsOf(config),
  read: (outputs, { range }) => {
    const [mean, logScale] = outputs.split(2, -1);
    return new DiscretisedLogistic(mean, logScale, RANGES[range]);
  },
  outputsFor: (moments) => planesOf(moments.mean.map(signed), stddevs(moments).map(logScaleOf)),
};
