/** 8-bit pixels, each place's channels together a mixture of discretised logistics. */

import { LogisticMixture } from '../distributions/discretised-logistic.ts';
import { logScaleOf, signed } from './discretised-logistic.ts';
import { channelsOf, type Likelihood, planesOf, RANGES } from './likelihood.ts';
import { meanOf, type PixelMoments } from './moments.ts';

/** Steepest dependence of a channel on another that is begun with: at ±1 the tanh of slopes has no derivative. */
const STEEPEST = 0.99;
/** Share of the first channel's variance that lies between the components; the rest is within them. */
const BETWEEN = 0.5;

/** A channel given those before it. */
interface Regression {
  readonly slopes: readonly number[];
  /** What is left of its variance. */
  readonly variance: number;
}

/**
 * The slopes b in [−0.99, 0.99] that leave least of a channel's variance, s − 2 b·c + b·S b, at one place: coordinate
 * after coordinate, until none moves.
 */
function regress(moments: PixelMoments, channel: number, place: number): Regression {
  const { channels, places } = moments;
  // A view of each pair's plane would cost more than the number.
  const covariance = (a: number, b: number): number => moments.covariance[(a * channels + b) * places + place];
  const slopes: number[] = Array(channel).fill(0);
  const explained = (a: number): number => slopes.reduce((sum, slope, b) => sum + slope * covariance(a, b), 0);
  for (let sweep = 0, moved = 1; sweep < 500 && moved > 1e-9; sweep++) {
    moved = 0;
    for (let a = 0; a < channel; a++) {
      const variance = covariance(a, a);
      if (variance === 0) continue;
      const best = slopes[a] + (covariance(channel, a) - explained(a)) / variance;
      const slope = Math.min(STEEPEST, Math.max(-STEEPEST, best));
      moved = Math.max(moved, Math.abs(slope - slopes[a]));
      slopes[a] = slope;
    }
  }
  const rest = slopes.reduce((sum, slope, a) => sum + slope * (explained(a) - 2 * covariance(channel, a)), 0);
  return { slopes, variance: Math.max(0, covariance(channel, channel) + rest) };
}

/** Quantiles of the standard logistic at (k + ½) / K, scaled to a variance of 1; none of one component. */
function offsets(components: number): number[] {
  const quantiles = Array.from({ length: components }, (_, k) => Math.log((k + 0.5) / (components - k - 0.5)));
  const variance = quantiles.reduce((sum, quantile) => sum + quantile ** 2, 0) / components;
  return quantiles.map((quantile) => (variance === 0 ? 0 : quantile / Math.sqrt(variance)));
}

/**
 * Components of one weight. They differ in the mean of the first channel, or all would learn the same; the other channels
 * follow it by their slopes. So the mixture has the means and the covariances of the pixels.
 */
function outputsFor(moments: PixelMoments, components: number): Float64Array {
  const { channels, places } = moments;
  const spread = offsets(components);
  const between = components > 1 ? BETWEEN : 0;
  const plane = (value: (place: number) => number): Float64Array =>
    Float64Array.from({ length: places }, (_, place) => value(place));
  const alike = (values: Float64Array): Float64Array => planesOf(...spread.map(() => values));

  const logits = alike(new Float64Array(places));
  const [means, logScales, slopePlanes]: Float64Array[][] = [[], [], []];
  for (let c = 0; c < channels; c++) {
    const regressions = Array.from({ length: places }, (_, place) => regress(moments, c, place));
    const stddev = plane((place) => Math.sqrt(regressions[place].variance));
    // The mean where the channels before it are 0.
    const intercept = plane((place) =>
      regressions[place].slopes.reduce(
        (mean, slope, before) => mean - slope * signed(meanOf(moments, before)[place]),
        signed(meanOf(moments, c)[place]),
      ),
    );
    const share = c === 0 ? between : 0;
    for (const offset of spread) {
      const shift = 2 * offset * Math.sqrt(share);
      means.push(intercept.map((mean, place) => mean + shift * stddev[place]));
    }
    logScales.push(alike(stddev.map((value) => logScaleOf(value * Math.sqrt(1 - share)))));
    for (let before = 0; before < c; before++)
      slopePlanes.push(alike(plane((place) => Math.atanh(regressions[place].slopes[before]))));
  }
  return planesOf(logits, ...means, ...logScales, ...slopePlanes);
}

export const logisticMixture: Likelihood = {
  uses: ['mixtures'],
  kind: () => 'log probability',
  describe: ({ mixtures }) => `mixture of ${mixtures} discretised logistics, a likelihood of 8-bit pixels`,
  binaryPixels: false,
  unitRange: false,
  meansInRange: () => false,
  planes: (config) => LogisticMixture.valuesPerPlace(channelsOf(config), config.mixtures),
  read: (outputs, { imageShape: [channels, height, width], mixtures, range }) =>
    new LogisticMixture(outputs, channels, height * width, mixtures, RANGES[range]),
  outputsFor: (moments, { mixtures }) => outputsFor(moments, mixtures),
};
