/** What a run's numbers mean, so that nobody compares what cannot be compared. */

import { likelihoodOf } from '../vae/likelihoods.ts';
import type { RunConfig } from './config.ts';

export interface LikelihoodContract {
  readonly dataset: string;
  readonly validationImages: number;
  readonly pixels: string;
  readonly likelihood: string;
  /** What the bound is. */
  readonly objective: string;
  readonly beta: number;
  /** What log p(x|z) is of the data: published rows of binarised MNIST are log probabilities. */
  readonly kind: 'log probability' | 'log density' | 'cross-entropy' | 'error';
}

const PIXELS = {
  none: 'grey or coloured, as they are',
  static: "black or white, each drawn once from its grey value by the run's seed",
  stochastic: 'black or white, drawn from its grey value anew at each use in training, once in evaluation',
} as const;

function likelihoodWords({ likelihood, binarize, stddev, mixtures }: RunConfig): string {
  const sigma = {
    learned: 'one learnt standard deviation',
    'per-pixel': 'a standard deviation that the decoder gives for each pixel',
  } as const;
  const words = {
    bernoulli:
      binarize === 'none' ? 'Bernoulli cross-entropy (no log probability of grey pixels)' : 'Bernoulli likelihood',
    'continuous-bernoulli': 'continuous Bernoulli density',
    normal: `normal density with ${typeof stddev === 'number' ? `standard deviation ${stddev}` : sigma[stddev]}`,
    'discretised-logistic': 'discretised logistic likelihood of 8-bit pixels',
    'logistic-mixture': `mixture of ${mixtures} discretised logistics, a likelihood of 8-bit pixels`,
    'squared-error': 'minus the squared error (no likelihood)',
  } as const;
  return words[likelihood];
}

function objectiveWords({ objective, samples }: RunConfig): string {
  const draws = `${samples} sample${samples === 1 ? '' : 's'}`;
  const words = {
    elbo: `bound: ELBO, ${draws}`,
    iwae: `bound: importance weighted, ${draws}`,
    autoencoder: 'no bound: a plain autoencoder has no prior',
  } as const;
  return words[objective];
}

export function likelihoodContract(config: RunConfig): LikelihoodContract {
  const { dataset, dataDir, validation, binarize, likelihood, beta, range } = config;
  const { kind, unitRange } = likelihoodOf(likelihood);
  const scale = unitRange ? '' : range === 'unit' ? ', from 0 to 1' : ', from −1 to 1';
  return {
    dataset: dataDir === undefined ? dataset : `${dataset} from ${dataDir}`,
    validationImages: validation,
    pixels: PIXELS[binarize] + scale,
    likelihood: likelihoodWords(config),
    objective: objectiveWords(config),
    beta,
    kind: likelihood === 'bernoulli' && binarize === 'none' ? 'cross-entropy' : kind,
  };
}

export function formatContract(contract: LikelihoodContract): string {
  const { dataset, validationImages, pixels, likelihood, objective, beta } = contract;
  const split = validationImages > 0 ? `, ${validationImages} training images set aside for validation` : '';
  const unit = contract.kind === 'error' ? 'per image' : 'nats per image';
  const weight = beta === 1 ? '' : `; trained with β = ${beta}, measured with β = 1`;
  return `${dataset}${split}; pixels ${pixels}; ${likelihood}; ${objective}${weight}; ${unit}, higher is better`;
}

/** What the number is that stands in the bound's place where there is no bound: a plain autoencoder's. */
export const nameWithoutBound = ({ kind }: LikelihoodContract): string =>
  kind === 'error' ? 'minus squared error' : 'log likelihood';

/** Bits per dimension of a log probability of `values` pixels, in nats. */
export const bitsPerDimension = (logProbability: number, values: number): number =>
  -logProbability / (values * Math.LN2);
