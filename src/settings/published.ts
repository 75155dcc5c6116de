/** Published numbers, and which of them a run's own may be put beside: those of the same data, pixels and likelihood. */

import type { RunConfig } from './table.ts';

export interface PublishedRow {
  readonly source: string;
  readonly setup: string;
  /** Nats per test image, higher is better; bits per dimension where it says so, lower is better. */
  readonly result: string;
}

/** The settings that a run must have to be compared: one value, or one of several. Any value of the others fits. */
type Setup = {
  readonly [K in 'dataset' | 'binarize' | 'likelihood' | 'objective' | 'posterior']?:
    | RunConfig[K]
    | readonly RunConfig[K][];
};

interface Comparable extends PublishedRow {
  readonly fits: Setup;
}

const MNIST: Setup = { dataset: 'mnist', likelihood: 'bernoulli' };
const BOUNDS = { objective: ['elbo', 'iwae'] } as const;
const BYTES_OF_CIFAR: Setup = {
  dataset: 'cifar10',
  likelihood: ['discretised-logistic', 'logistic-mixture'],
  ...BOUNDS,
};

const ROWS: readonly Comparable[] = [
  {
    source: 'Altosaar, mean field',
    setup: '65,000 steps, 50,000 training images, 128 importance samples',
    result: 'bound −103.31, log p(x) −97.10',
    fits: { ...MNIST, binarize: 'static', objective: 'elbo', posterior: 'normal' },
  },
  {
    source: 'Altosaar, inverse autoregressive flow',
    setup: '150,000 steps, 50,000 training images, 128 importance samples',
    result: 'bound −101.64, log p(x) −95.33',
    fits: { ...MNIST, binarize: 'static', objective: 'elbo', posterior: 'autoregressive' },
  },
  {
    source: 'pythae, VAE',
    setup: '784-400-40, 500 epochs, 200 importance samples',
    result: 'log p(x) −89.78',
    fits: { ...MNIST, ...BOUNDS, binarize: 'static', posterior: 'normal' },
  },
  {
    source: 'Burda et al. (2016), table 1, VAE, one stochastic layer',
    setup: '3,280 epochs, 5,000 importance samples, k = 1 / 5 / 50',
    result: 'log p(x) −86.76 / −86.47 / −86.35',
    fits: { ...MNIST, binarize: 'stochastic', objective: 'elbo' },
  },
  {
    source: 'Burda et al. (2016), table 1, IWAE, one stochastic layer',
    setup: '3,280 epochs, 5,000 importance samples, k = 1 / 5 / 50',
    result: 'log p(x) −86.76 / −85.54 / −84.78',
    fits: { ...MNIST, binarize: 'stochastic', objective: 'iwae' },
  },
  {
    source: "PyTorch's example",
    setup: '784-400-20, 7 epochs',
    result: 'bound −106.66',
    fits: { ...MNIST, binarize: 'none', objective: 'elbo' },
  },
  {
    source: 'addtt, ladder VAE of 3 / 6 / 12 layers',
    setup: 'Adamax, free bits, 60,000 training images',
    result: 'bound −82.14 / −80.74 / −80.50, log p(x) −79.24 / −78.52 / −78.30',
    fits: { ...MNIST, ...BOUNDS, binarize: 'static', posterior: 'normal' },
  },
  {
    source: 'van den Oord et al. (2017), VAE / VQ-VAE',
    setup: '250,000 steps of 128 images',
    result: '4.51 / 4.67 bits/dim',
    fits: BYTES_OF_CIFAR,
  },
  {
    source: 'addtt, ladder VAE of 3 layers',
    setup: 'mixture of 10 discretised logistics',
    result: '3.59 bits/dim',
    fits: BYTES_OF_CIFAR,
  },
  {
    source: 'VDVAE / NVAE',
    setup: 'very deep, days of GPUs',
    result: '2.87 / 2.91 bits/dim',
    fits: BYTES_OF_CIFAR,
  },
];

const fitsSetup = (config: RunConfig, setup: Setup): boolean =>
  Object.entries(setup).every(([field, values]) => [values].flat().includes(config[field as keyof Setup]));

/** The rows that may be compared with a run's test numbers; none of images that are the user's own. */
export const comparableRows = (config: RunConfig): PublishedRow[] =>
  ROWS.filter(({ fits }) => config.dataDir === undefined && fitsSetup(config, fits)).map(
    ({ source, setup, result }) => ({ source, setup, result }),
  );
