/** What a likelihood p(x|z) is: how many values a decoder gives for an image, how they are read, and what it claims. */

import type { Parameter } from '../../nn/parameter.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { PixelScale } from '../distributions/discretised-logistic.ts';
import type { Distribution } from '../distributions/distribution.ts';
import type { PixelMoments } from './moments.ts';

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

/** Its settings, apart from the images. */
export type LikelihoodSettings = Omit<LikelihoodConfig, 'imageShape'>;

/**
 * What log p(x|z) is of the data. Published rows of binarised MNIST are log probabilities; a cross-entropy is minus that
 * of grey pixels under black and white ones, which no data have; an error is no density at all.
 */
export type LikelihoodKind = 'log probability' | 'log density' | 'cross-entropy' | 'error';

export interface Likelihood {
  /** Settings that it reads. */
  readonly uses: readonly (keyof LikelihoodSettings)[];
  /** @param binary whether the pixels are black or white. */
  readonly kind: (binary: boolean) => LikelihoodKind;
  /** For the contract of a run: what is measured, in a few words. */
  readonly describe: (settings: LikelihoodSettings, binary: boolean) => string;
  /** Whether pixels may be black or white. */
  readonly binaryPixels: boolean;
  /** Whether pixels must lie in [0, 1]. */
  readonly unitRange: boolean;
  /** Whether the mean of p(x|z) never leaves the range of the pixels. */
  readonly meansInRange: (settings: LikelihoodSettings) => boolean;
  /** Planes of H × W values that the decoder gives. */
  readonly planes: (config: LikelihoodConfig) => number;
  /** Learnt beside the decoder. */
  readonly parameters?: (config: LikelihoodConfig) => readonly Parameter[];
  /** p(x|z) from a decoder's outputs [..., planes·H·W]. */
  readonly read: (outputs: Tensor, config: LikelihoodConfig, parameters: readonly Parameter[]) => Distribution;
  /** The outputs [planes, places] for which p(x|z) is as near as it can be to pixels of these moments, whatever z. */
  readonly outputsFor: (moments: PixelMoments, config: LikelihoodConfig) => Float64Array;
  /** The values that `parameters` have there. */
  readonly parametersFor?: (moments: PixelMoments, config: LikelihoodConfig) => readonly Float64Array[];
}

export const channelsOf = ({ imageShape: [channels] }: LikelihoodConfig): number => channels;

/** A pixel's mean, in the range where it is squashed. */
export function pixelMean(raw: Tensor, { squash, range }: LikelihoodConfig): Tensor {
  const { low, high } = RANGES[range];
  return squash
    ? raw
        .sigmoid()
        .mul(high - low)
        .add(low)
    : raw;
}

/** A share nearer than this to 0 or 1 is taken for this one, so that its logit is finite. */
const LEAST_SHARE = 1e-3;

export const inside = (share: number): number => Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, share));

/** log p / (1 − p) */
export function logit(share: number): number {
  const p = inside(share);
  return Math.log(p / (1 - p));
}

/** What a decoder gives for a mean on the scale from 0 to 1, as `pixelMean` reads it. */
export const rawMean = (mean: number, { squash, range }: LikelihoodConfig): number =>
  squash ? logit(mean) : RANGES[range].low + mean * widthOf(RANGES[range]);

export const widthOf = ({ low, high }: PixelScale): number => high - low;

/** Planes one after the other. */
export function planesOf(...groups: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(groups.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const group of groups) {
    all.set(group, at);
    at += group.length;
  }
  return all;
}
