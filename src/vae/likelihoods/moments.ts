/** What a likelihood is told of given pixels, so that it can be near to them before anything is learnt. */

/** First and second moments of pixels on the scale from 0 to 1. */
export interface PixelMoments {
  readonly channels: number;
  /** H·W; 1 where all places are taken together. */
  readonly places: number;
  /** [C, places] */
  readonly mean: Float64Array;
  /** Of the channels of one place, [C, C, places]; the variances are its diagonal. */
  readonly covariance: Float64Array;
}

/** The covariance of two channels, [places]. */
export const covarianceOf = ({ channels, places, covariance }: PixelMoments, a: number, b: number): Float64Array =>
  covariance.subarray((a * channels + b) * places, (a * channels + b + 1) * places);

/** The mean of a channel, [places]. */
export const meanOf = ({ places, mean }: PixelMoments, channel: number): Float64Array =>
  mean.subarray(channel * places, (channel + 1) * places);

/** The standard deviation of each pixel, [C, places]. */
export function stddevs(moments: PixelMoments): Float64Array {
  const { channels, places } = moments;
  const all = new Float64Array(channels * places);
  for (let c = 0; c < channels; c++) all.set(covarianceOf(moments, c, c).map(Math.sqrt), c * places);
  return all;
}

const average = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean over channels and places of the variance. */
export const meanVariance = (moments: PixelMoments): number => average(stddevs(moments).map((stddev) => stddev ** 2));

/**
 * The moments of the pixels of all places together:
 *   mean = E[m],  covariance = E[cov] + cov[m],  over places of means m and covariances cov.
 */
export function pooled(moments: PixelMoments): PixelMoments {
  const { channels } = moments;
  const mean = Float64Array.from({ length: channels }, (_, c) => average(meanOf(moments, c)));
  const covariance = Float64Array.from({ length: channels ** 2 }, (_, i) => {
    const [a, b] = [Math.floor(i / channels), i % channels];
    const [first, second] = [meanOf(moments, a), meanOf(moments, b)];
    const between = first.map((value, place) => (value - mean[a]) * (second[place] - mean[b]));
    return average(covarianceOf(moments, a, b)) + average(between);
  });
  return { channels, places: 1, mean, covariance };
}
