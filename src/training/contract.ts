/** What a run's numbers mean, so that nobody compares what cannot be compared. */

import type { RunConfig } from './config.ts';

export interface LikelihoodContract {
  readonly dataset: string;
  readonly validationImages: number;
  readonly pixels: string;
  readonly likelihood: string;
  readonly beta: number;
  /** What log p(x|z) is of the data: published rows of binarised MNIST are log probabilities. */
  readonly kind: 'log probability' | 'log density' | 'cross-entropy';
}

const PIXELS = {
  none: 'grey',
  static: "black or white, each drawn once from its grey value by the run's seed",
  stochastic: 'black or white, drawn from its grey value anew at each use in training, once in evaluation',
} as const;

export function likelihoodContract(config: RunConfig): LikelihoodContract {
  const { dataset, dataDir, validation, binarize, likelihood, stddev, beta } = config;
  const grey = binarize === 'none';
  const words = {
    bernoulli: grey ? 'Bernoulli cross-entropy (no log probability of grey pixels)' : 'Bernoulli likelihood',
    normal: `normal likelihood with standard deviation ${stddev}`,
  } as const;
  return {
    dataset: dataDir === undefined ? dataset : `the IDX files of ${dataDir}`,
    validationImages: validation,
    pixels: PIXELS[binarize],
    likelihood: words[likelihood],
    beta,
    kind: likelihood === 'normal' ? 'log density' : grey ? 'cross-entropy' : 'log probability',
  };
}

export function formatContract(contract: LikelihoodContract): string {
  const { dataset, validationImages, pixels, likelihood, beta } = contract;
  const split = validationImages > 0 ? `, ${validationImages} training images set aside for validation` : '';
  const weight = beta === 1 ? '' : `; trained with β = ${beta}, measured with β = 1`;
  return `${dataset}${split}; pixels ${pixels}; ${likelihood}${weight}; nats per image, higher is better`;
}
