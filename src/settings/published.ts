/** Published numbers, and which of them a run's own may be put beside: those of the same data, pixels and likelihood. */

import type { RunConfig } from './config.ts';

export interface PublishedRow {
  readonly source: string;
  readonly setup: string;
  /** Nats per test image, higher is better; bits per dimension where it says so, lower is better. */
  readonly result: string;
}

interface Comparable extends PublishedRow {
  readonly fits: (config: RunConfig) => boolean;
}

const isBound = ({ objective }: RunConfig): boolean => objective !== 'autoencoder';
const ofMnist = (config: RunConfig): boolean =>
  isBound(config) && config.dataset === 'mnist' && config.dataDir === undefined && config.likelihood === 'bernoulli';
const isStatic = (config: RunConfig): boolean => ofMnist(config) && config.binarize === 'static';
const isStochastic = (config: RunConfig): boolean => ofMnist(config) && config.binarize === 'stochastic';
const isElbo = ({ objective }: RunConfig): boolean => objective === 'elbo';
const isMeanField = ({ posterior }: RunConfig): boolean => posterior === 'normal';
const isBytesOfCifar = (config: RunConfig): boolean =>
  isBound(config) &&
  config.dataset === 'cifar10' &&
  config.dataDir === undefined &&
  (config.likelihood === 'discretised-logistic' || config.likelihood === 'logistic-mixture');

const ROWS: readonly Comparable[] = [
  {
    source: 'Altosaar, mean field',
    setup: '65,000 steps, 50,000 training images, 128 importance samples',
    result: 'bound −103.31, log p(x) −97.10',
    fits: (config) => isStatic(config) && isElbo(config) && isMeanField(config),
  },
  {
    source: 'Altosaar, inverse autoregressive flow',
    setup: '150,000 steps, 50,000 training images, 128 importance samples',
    result: 'bound −101.64, log p(x) −95.33',
    fits: (config) => isStatic(config) && isElbo(config) && config.posterior === 'autoregressive',
  },
  {
    source: 'pythae, VAE',
    setup: '784-400-40, 500 epochs, 200 importance samples',
    result: 'log p(x) −89.78',
    fits: (config) => isStatic(config) && isMeanField(config),
  },
  {
    source: 'Burda et al. (2016), table 1, VAE, one stochastic layer',
    setup: '3,280 epochs, 5,000 importance samples, k = 1 / 5 / 50',
    result: 'log p(x) −86.76 / −86.47 / −86.35',
    fits: (config) => isStochastic(config) && isElbo(config),
  },
  {
    source: 'Burda et al. (2016), table 1, IWAE, one stochastic layer',
    setup: '3,280 epochs, 5,000 importance samples, k = 1 / 5 / 50',
    result: 'log p(x) −86.76 / −85.54 / −84.78',
    fits: (config) => isStochastic(config) && config.objective === 'iwae',
  },
  {
    source: "PyTorch's example",
    setup: '784-400-20, 7 epochs',
    result: 'bound −106.66',
    fits: (config) => ofMnist(config) && config.binarize === 'none' && isElbo(config),
  },
  {
    source: 'addtt, ladder VAE of 3 layers',
    setup: 'mixture of 10 discretised logistics',
    result: '3.59 bits/dim',
    fits: isBytesOfCifar,
  },
  {
    source: 'VDVAE / NVAE',
    setup: 'very deep, days of GPUs',
    result: '2.87 / 2.91 bits/dim',
    fits: isBytesOfCifar,
  },
];

/** The rows that may be compared with a run's test numbers. */
export const comparableRows = (config: RunConfig): PublishedRow[] =>
  ROWS.filter(({ fits }) => fits(config)).map(({ source, setup, result }) => ({ source, setup, result }));
