/** Likelihoods p(x|z) by name: how many values a decoder gives for an image, and how they are read. */

import { createParameter, initialisations, type Parameter } from '../nn/parameter.ts';
import { constant, type Tensor } from '../tensor/tensor.ts';
import { Bernoulli } from './distributions/bernoulli.ts';
import { ContinuousBernoulli } from './distributions/continuous-bernoulli.ts';
import { DiscretisedLogistic, LogisticMixture, type PixelScale } from './distributions/discretised-logistic.ts';
import type { Distribution } from './distributions/distribution.ts';
import { Normal } from './distributions/normal.ts';
import { SquaredError } from './distributions/squared-error.ts';

/** The ends of the scale that pixels are given on. */
export const RANGES = { unit: { low: 0, high: 1 }, symmetric: { low: -1, high: 1 } } as const satisfies Record<
  string,
  PixelScale
>;
export type RangeName = keyof typeof RANGES;

/** A pixel's standard deviation: a number, one learnt for all pixels, or one that the decoder gives for each. */
export type PixelStddev = number | 'learned' | 'per-pixel';
export const LEARNED_STDDEVS = ['learned', 'per-pixel'] as const;

export interface LikelihoodConfig {
  /** [C, H, W] of an image. */
  readonly imageShape: readonly [number, number, number];
  readonly range: RangeName;
  readonly stddev: PixelStddev;
  /** Whether means of pixels are squashed into the range by a sigmoid, or are what the decoder gives. */
  readonly squash: boolean;
  /** Components of a mixture. */
  readonly mixtures: number;
}

/** What a likelihood's number is of the data. */
export type LikelihoodKind = 'log probability' | 'log density' | 'error';

interface Likelihood {
  readonly kind: LikelihoodKind;
  /** Whether pixels must lie in [0, 1]. */
  readonly unitRange: boolean;
  /** Planes of H × W values that the decoder gives. */
  readonly planes: (config: LikelihoodConfig) => number;
  /** Learnt beside the decoder. */
  readonly parameters?: (config: LikelihoodConfig) => readonly Parameter[];
  /** p(x|z) from a decoder's outputs [..., planes·H·W]. */
  readonly read: (outputs: Tensor, config: LikelihoodConfig, parameters: readonly Parameter[]) => Distribution;
}

const channelsOf = ({ imageShape: [channels] }: LikelihoodConfig): number => channels;

/** One grey level of 256: to be surer of a pixel than its bytes can tell is to model their rounding. */
const leastStddev = ({ range }: LikelihoodConfig): number => (RANGES[range].high - RANGES[range].low) / 256;

/** A pixel's mean, in the range where it is squashed. */
function pixelMean(raw: Tensor, { squash, range }: LikelihoodConfig): Tensor {
  const { low, high } = RANGES[range];
  return squash
    ? raw
        .sigmoid()
        .mul(high - low)
        .add(low)
    : raw;
}

/** σ = least + eʳ, so that no pixel's density can grow without end. */
function learnedNormal(mean: Tensor, rawLogStddev: Tensor, config: LikelihoodConfig): Normal {
  const stddev = rawLogStddev.exp().add(leastStddev(config));
  return new Normal(mean, stddev.log().mul(2), stddev);
}

export const likelihoods = {
  bernoulli: { kind: 'log probability', unitRange: true, planes: channelsOf, read: (logits) => new Bernoulli(logits) },
  'continuous-bernoulli': {
    kind: 'log density',
    unitRange: true,
    planes: channelsOf,
    read: (logits) => new ContinuousBernoulli(logits),
  },
  normal: {
    kind: 'log density',
    unitRange: false,
    planes: (config) => channelsOf(config) * (config.stddev === 'per-pixel' ? 2 : 1),
    parameters: ({ stddev }) =>
      stddev === 'learned' ? [createParameter('likelihood.log_stddev', [1], initialisations.he.bias, [1, 1])] : [],
    read: (outputs, config, [logStddev]) => {
      const { stddev } = config;
      if (stddev === 'learned') return learnedNormal(pixelMean(outputs, config), logStddev.tensor, config);
      if (stddev === 'per-pixel') {
        const [mean, raw] = outputs.split(2, -1);
        return learnedNormal(pixelMean(mean, config), raw, config);
      }
      return new Normal(pixelMean(outputs, config), constant(2 * Math.log(stddev)), constant(stddev));
    },
  },
  'discretised-logistic': {
    kind: 'log probability',
    unitRange: false,
    planes: (config) => 2 * channelsOf(config),
    read: (outputs, { range }) => {
      const [mean, logScale] = outputs.split(2, -1);
      return new DiscretisedLogistic(mean, logScale, RANGES[range]);
    },
  },
  'logistic-mixture': {
    kind: 'log probability',
    unitRange: false,
    planes: (config) => LogisticMixture.valuesPerPlace(channelsOf(config), config.mixtures),
    read: (outputs, { imageShape: [channels, height, width], mixtures, range }) =>
      new LogisticMixture(outputs, channels, height * width, mixtures, RANGES[range]),
  },
  'squared-error': {
    kind: 'error',
    unitRange: false,
    planes: channelsOf,
    read: (outputs, config) => new SquaredError(pixelMean(outputs, config)),
  },
} as const satisfies Record<string, Likelihood>;

export type LikelihoodName = keyof typeof likelihoods;

export const likelihoodOf = (name: LikelihoodName): Likelihood => likelihoods[name];
