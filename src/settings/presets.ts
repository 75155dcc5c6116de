/** Known systems as settings. Where a source has a bug, the preset does what the source meant, and `differs` says so. */

import type { RunConfig } from './table.ts';

export interface Preset {
  readonly source: string;
  readonly summary: string;
  /** How it differs from its source, where it does. */
  readonly differs?: string;
  readonly config: Partial<RunConfig>;
}

/** What several of them were: code for teaching, known here without a page to name. */
const EXERCISE = 'sizes and settings of an exercise that is not published';

const SEMINAR: Partial<RunConfig> = {
  hidden: [600],
  activation: ['elu'],
  batchSize: 128,
  epochs: 10,
  learningRate: 1e-3,
};

const SEMINAR_VAE: Partial<RunConfig> = {
  ...SEMINAR,
  latent: 6,
  scale: 'log-stddev',
  likelihood: 'normal',
  stddev: 'per-pixel',
};

const ALTOSAAR: Partial<RunConfig> = {
  binarize: 'static',
  validation: 10_000,
  hidden: [256, 256],
  activation: ['relu'],
  latent: 128,
  scale: 'softplus',
  kl: 'monte-carlo',
  optimizer: 'rmsprop',
  learningRate: 1e-3,
  batchSize: 128,
  steps: 65_000,
  patience: 30,
};

const LADDER: Partial<RunConfig> = {
  model: 'ladder',
  layers: 3,
  blocks: 4,
  gated: true,
  activation: ['elu'],
  dropout: 0.2,
  hidden: [],
  freeBits: 0.5,
  optimizer: 'adamax',
  learningRate: 3e-4,
  batchSize: 64,
};

export const presets = {
  adcme: {
    source: "ADCME.jl's variational autoencoder",
    summary: 'grey MNIST, 784-500-500-20, elu and tanh, dropout, softplus scale',
    config: {
      hidden: [500, 500],
      activation: ['elu', 'tanh'],
      latent: 20,
      dropout: 0.1,
      scale: 'softplus',
      initializer: 'he',
      learningRate: 1e-3,
      batchSize: 128,
      epochs: 100,
    },
  },
  'seminar-ae': {
    source: `Hinton & Salakhutdinov (2006); ${EXERCISE}`,
    summary: 'a plain autoencoder, 784-600-60, squared error',
    differs:
      "the squared error is summed over an image's pixels, not averaged over them: up to its ε, Adam takes the same steps",
    config: { ...SEMINAR, latent: 60, objective: 'autoencoder', posterior: 'point', likelihood: 'squared-error' },
  },
  'seminar-vae': {
    source: `Kingma & Welling (2014); ${EXERCISE}`,
    summary: '784-600-6, normal pixels with a learnt standard deviation each',
    differs:
      'its evaluation also trained: ours does not; σ is at least 1/256, one grey level, or black borders would have no finite density',
    config: SEMINAR_VAE,
  },
  'seminar-flow': {
    source: `Rezende & Mohamed (2015); ${EXERCISE}`,
    summary: 'the same with ten planar flows',
    differs: 'as seminar-vae; ten steps are our choice; u is kept where the flow has an inverse',
    config: { ...SEMINAR_VAE, posterior: 'planar', flowSteps: 10, kl: 'monte-carlo' },
  },
  altosaar: {
    source: "Jaan Altosaar's variational-autoencoder",
    summary: 'static binarised MNIST, 128 latents, two layers of 256, centred RMSprop, 65,000 steps',
    differs: 'stops after 30 epochs without a better validation bound; pixels are drawn once from the seed',
    config: ALTOSAAR,
  },
  'altosaar-flow': {
    source: "Jaan Altosaar's variational-autoencoder with inverse autoregressive flow; Kingma et al. (2016)",
    summary: 'the same with two inverse autoregressive steps',
    differs: 'as altosaar; 65,000 steps, where its published number took 150,000',
    config: { ...ALTOSAAR, posterior: 'autoregressive', flowSteps: 2, flowHidden: 256, flowContext: 128 },
  },
  tutorial: {
    source: `Kingma & Welling (2014); ${EXERCISE}`,
    summary: '784-100-50-2, softplus, normal pixels with σ = 1, batch 16, 5,000 steps',
    differs:
      'the true bound; its code summed one term over the batch and averaged the other, which --beta 0.0625 reproduces',
    config: {
      hidden: [100, 50],
      activation: ['softplus'],
      latent: 2,
      likelihood: 'normal',
      stddev: 1,
      learningRate: 5e-4,
      batchSize: 16,
      steps: 5000,
    },
  },
  cifar: {
    source: `Kingma & Welling (2014) with the blocks of He et al. (2016); ${EXERCISE}`,
    summary: 'CIFAR-10, residual blocks of 64, 128, 256 channels, 16 latents, normal pixels with σ = 1 in [−1, 1]',
    differs: 'the 5,000 validation images are taken from the 50,000 training images',
    config: {
      dataset: 'cifar10',
      range: 'symmetric',
      validation: 5000,
      model: 'residual',
      activation: ['relu'],
      initializer: 'pytorch',
      channels: [64, 128, 256],
      blocks: 4,
      hidden: [],
      latent: 16,
      likelihood: 'normal',
      stddev: 1,
      squash: false,
      optimizer: 'adamw',
      learningRate: 0.01,
      weightDecay: 1e-4,
      warmUp: 1000,
      gradientNorm: true,
      batchSize: 128,
      epochs: 25,
      seed: 0,
    },
  },
  'conv-map': {
    source: 'the VAE beside the VQ-VAE: van den Oord, Vinyals & Kavukcuoglu (2017), section 4.1',
    summary: 'CIFAR-10, two strided convolutions and two residual blocks of 256, a map of latents, 250,000 steps',
    differs:
      'the paper says neither how many channels its map has nor what its likelihood is: 32, and a discretised logistic',
    config: {
      dataset: 'cifar10',
      model: 'conv',
      channels: [256, 256],
      kernel: 4,
      blocks: 2,
      hidden: [],
      activation: ['relu'],
      latent: '8x8x32',
      likelihood: 'discretised-logistic',
      learningRate: 2e-4,
      batchSize: 128,
      steps: 250_000,
    },
  },
  ladder: {
    source: "addtt's ladder VAE, three layers; Sønderby et al. (2016)",
    summary: 'static binarised MNIST, three layers of latent maps, gated blocks of 64 channels, free bits, Adamax',
    differs:
      'the smallest map has 3 × 3 places, not 4 × 4 of padded images; a block has one 3 × 3 convolution, not two; the free bits of a layer are those of the average over the batch',
    config: {
      ...LADDER,
      binarize: 'static',
      validation: 10_000,
      latent: '3x3x32',
      epochs: 200,
    },
  },
  'ladder-cifar': {
    source: "addtt's ladder VAE, three layers; Sønderby et al. (2016)",
    summary: 'CIFAR-10, three layers of latent maps, gated blocks of 64 channels, a mixture of ten logistics',
    differs:
      'a block has one 3 × 3 convolution, not two; the free bits of a layer are those of the average over the batch',
    config: {
      ...LADDER,
      dataset: 'cifar10',
      latent: '4x4x32',
      likelihood: 'logistic-mixture',
      mixtures: 10,
      epochs: 200,
    },
  },
  iwae: {
    source: 'Burda, Grosse & Salakhutdinov (2016), one stochastic layer',
    summary: 'stochastically binarised MNIST, 784-200-200-50 tanh, 50 importance samples, 3,280 epochs in stages',
    config: {
      binarize: 'stochastic',
      hidden: [200, 200],
      activation: ['tanh'],
      latent: 50,
      initializer: 'glorot',
      initialBias: 'data',
      objective: 'iwae',
      samples: 50,
      epsilon: 1e-4,
      schedule: 'iwae',
      batchSize: 20,
      epochs: 3280,
    },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;
export const presetOf = (name: PresetName): Preset => presets[name];
