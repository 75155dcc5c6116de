/** What a run's numbers mean, so that nobody compares what cannot be compared. */

import { binarisations } from '../data/binarise.ts';
import { likelihoodOf } from '../vae/likelihoods/index.ts';
import { type LikelihoodKind, RANGES } from '../vae/likelihoods/likelihood.ts';
import { objectives } from '../vae/objectives/index.ts';
import { posteriors } from '../vae/posteriors/index.ts';
import type { RunConfig } from './table.ts';

export interface LikelihoodContract {
  readonly dataset: string;
  readonly validationImages: number;
  readonly pixels: string;
  readonly likelihood: string;
  /** What the bound is. */
  readonly objective: string;
  readonly beta: number;
  /** What log p(x|z) is of the data. */
  readonly kind: LikelihoodKind;
}

export function likelihoodContract(config: RunConfig): LikelihoodContract {
  const { dataset, dataDir, validation, binarize, likelihood, objective, samples, beta, range } = config;
  const { kind, unitRange, describe } = likelihoodOf(likelihood);
  const { isBinary, describe: pixels } = binarisations[binarize];
  const { low, high } = RANGES[range];
  return {
    dataset: dataDir === undefined ? dataset : `${dataset} from ${dataDir}`,
    validationImages: validation,
    pixels: pixels + (unitRange ? '' : `, from ${low < 0 ? '−' : ''}${Math.abs(low)} to ${high}`),
    likelihood: describe(config, isBinary),
    objective: objectives[objective].describe(samples),
    beta,
    kind: kind(isBinary),
  };
}

export function formatContract(contract: LikelihoodContract): string {
  const { dataset, validationImages, pixels, likelihood, objective, beta } = contract;
  const split = validationImages > 0 ? `, ${validationImages} training images set aside for validation` : '';
  const weight = beta === 1 ? '' : `; trained with β = ${beta}, measured with β = 1`;
  return `${dataset}${split}; pixels ${pixels}; ${likelihood}; ${objective}${weight}; ${units[contract.kind]}, higher is better`;
}

const units: Readonly<Record<LikelihoodKind, string>> = {
  'log probability': 'nats per image',
  'log density': 'nats per image',
  'cross-entropy': 'nats per image',
  error: 'per image',
};

/** What a run's number counts. */
export const unitOf = ({ likelihood, binarize }: RunConfig): string =>
  units[likelihoodOf(likelihood).kind(binarisations[binarize].isBinary)];

/** Whether two numbers are of the same images and the same thing. How a model was trained does not matter. */
export function isComparable(a: LikelihoodContract, b: LikelihoodContract): boolean {
  const measured = (contract: LikelihoodContract) => formatContract({ ...contract, beta: 1, validationImages: 0 });
  return measured(a) === measured(b);
}

/** What a run's number is called: a bound, or what stands in its place. */
export const numberName = ({ objective, likelihood, binarize }: RunConfig): string =>
  objectives[objective].numberName(likelihoodOf(likelihood).kind(binarisations[binarize].isBinary));

/**
 * Bits per dimension of a number in nats, of images of `values` pixels. Undefined where the number is not a bound on a log
 * probability: a density has no bits.
 */
export function bitsPerDimension(nats: number, values: number, config: RunConfig): number | undefined {
  const isProbability = likelihoodContract(config).kind === 'log probability' && objectives[config.objective].hasPrior;
  return isProbability ? -nats / (values * Math.LN2) : undefined;
}

/** What the terms of a run's number are called: of an importance weighted bound they do not add up to it. */
export const termsName = ({ objective }: RunConfig): string =>
  objectives[objective].addsUp ? 'log likelihood' : 'of the ELBO: log likelihood';

/** Whether a run's KL is an estimate from samples, which may be negative; in closed form it never is. */
export const isEstimate = ({ objective, posterior }: RunConfig): boolean =>
  objectives[objective].hasPrior && !posteriors[posterior].closedForm;

export const klName = (config: RunConfig): string => (isEstimate(config) ? 'KL ≈' : 'KL');
