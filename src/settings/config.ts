/** Everything that determines a run, resolved: what config.json and every checkpoint hold. */

import { choice, either, integer, list, notNegative, number, positive, type Rule, text, truth } from '../base/rules.ts';
import { BINARISATIONS, type Binarisation } from '../data/binarise.ts';
import type { InputNoise } from '../data/preprocessing.ts';
import { PRECISIONS, type Precision } from '../engines/engine.ts';
import { type EngineName, engines } from '../engines/index.ts';
import { type ActivationName, activations } from '../nn/activations.ts';
import { type OptimiserName, optimisers } from '../nn/optimisers.ts';
import { type InitialisationName, initialisations } from '../nn/parameter.ts';
import { type ScheduleName, schedules } from '../nn/schedules.ts';
import { type ScaleParametrisation, scaleParametrisations } from '../vae/distributions/normal.ts';
import { flows } from '../vae/flows/index.ts';
import {
  LEARNED_STDDEVS,
  type LikelihoodName,
  likelihoods,
  type PixelStddev,
  RANGES,
  type RangeName,
} from '../vae/likelihoods.ts';
import type { PosteriorName } from '../vae/model.ts';
import { type NetworkName, networks } from '../vae/networks/index.ts';
import {
  GRADIENT_ESTIMATORS,
  type GradientEstimator,
  KL_ESTIMATORS,
  type KlEstimator,
  type ObjectiveName,
  objectives,
} from '../vae/objectives.ts';

/** The names are those of the command line's flags. */
export interface RunConfig {
  /** The preset that the settings began with. */
  readonly preset?: string;

  /** A name, or a folder of images. */
  readonly dataset: string;
  readonly dataDir?: string;
  /** Side and channels of a folder's images; other datasets have their own. */
  readonly imageSize?: number;
  readonly imageChannels?: 1 | 3;
  readonly binarize: Binarisation;
  readonly range: RangeName;
  readonly flip: boolean;
  readonly inputNoise?: InputNoise;
  readonly validation: number;

  readonly model: NetworkName;
  readonly hidden: readonly number[];
  readonly activation: readonly ActivationName[];
  /** Of a convolutional network's levels; by rule where there are none. */
  readonly channels: readonly number[];
  readonly kernel: number;
  readonly blocks: number;
  readonly latent: number;
  readonly dropout: number;
  readonly initializer: InitialisationName;
  readonly initialBias: 'default' | 'data';

  readonly posterior: PosteriorName;
  readonly scale: ScaleParametrisation;
  readonly flowSteps: number;
  readonly flowHidden: number;
  readonly flowContext: number;
  readonly likelihood: LikelihoodName;
  readonly stddev: PixelStddev;
  readonly squash: boolean;
  readonly mixtures: number;

  readonly objective: ObjectiveName;
  readonly kl: KlEstimator;
  readonly estimator: GradientEstimator;
  readonly gradientVariance: boolean;
  readonly beta: number;
  readonly klWarmUp: number;
  readonly freeBits: number;
  readonly samples: number;

  readonly optimizer: OptimiserName;
  readonly learningRate: number;
  readonly epsilon: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly schedule: ScheduleName;
  readonly warmUp: number;
  readonly decay: number;
  readonly decayEvery: number;
  readonly floor: number;
  readonly clip: number;
  readonly gradientNorm: boolean;
  readonly batchSize: number;
  readonly epochs: number;
  /** Updates after which a run ends, whatever the epochs. */
  readonly steps?: number;
  readonly patience: number;

  readonly seed: number;
  readonly keepEvery: number;
  readonly device: EngineName;
  readonly precision: Precision;
  readonly threads: number;
}

export const DEFAULT_CONFIG: Omit<RunConfig, 'device' | 'threads'> = {
  dataset: 'mnist',
  binarize: 'none',
  range: 'unit',
  flip: false,
  validation: 0,
  model: 'dense',
  hidden: [400],
  activation: ['relu'],
  channels: [],
  kernel: 4,
  blocks: 4,
  latent: 20,
  dropout: 0,
  initializer: 'pytorch',
  initialBias: 'default',
  posterior: 'normal',
  scale: 'log-variance',
  flowSteps: 2,
  flowHidden: 256,
  flowContext: 128,
  likelihood: 'bernoulli',
  stddev: 1,
  squash: true,
  mixtures: 10,
  objective: 'elbo',
  kl: 'analytic',
  estimator: 'reparametrised',
  gradientVariance: false,
  beta: 1,
  klWarmUp: 0,
  freeBits: 0,
  samples: 1,
  optimizer: 'adam',
  learningRate: 1e-3,
  epsilon: 1e-8,
  momentum: 0,
  weightDecay: 0.01,
  schedule: 'constant',
  warmUp: 0,
  decay: 0.1,
  decayEvery: 10_000,
  floor: 0,
  clip: 0,
  gradientNorm: false,
  batchSize: 128,
  epochs: 10,
  patience: 0,
  seed: 0,
  keepEvery: 0,
  precision: 'float32',
};

/** What a kind of network has for defaults of its own. */
export const MODEL_DEFAULTS: { readonly [M in NetworkName]: Partial<RunConfig> } = {
  dense: {},
  conv: { hidden: [256] },
  residual: { hidden: [] },
};

/** Sizes above these are mistakes rather than models. */
const MOST_UNITS = 65536;
const MOST_EPOCHS = 1e7;

const sizes = list(integer(1, MOST_UNITS), `sizes such as 500,500, each an integer from 1 to ${MOST_UNITS}`);
const sizesOrNone: Rule = {
  ...sizes,
  accepts: (value) => (Array.isArray(value) && value.length === 0) || sizes.accepts(value),
};
const share = number('a number of at least 0 and less than 1', (value) => value >= 0 && value < 1);

/** A rule for every field. */
export const CONFIG_RULES: { readonly [K in keyof Required<RunConfig>]: Rule } = {
  preset: text('the name of a preset'),
  dataset: text('a dataset, or a folder of images'),
  dataDir: text('a folder'),
  imageSize: integer(2, 1024),
  imageChannels: number('1 (grey) or 3 (colour)', (value) => value === 1 || value === 3),
  binarize: choice(BINARISATIONS),
  range: choice(Object.keys(RANGES)),
  flip: truth,
  inputNoise: text('salt-and-pepper:0.1 or normal:0.1'),
  validation: integer(0),

  model: choice(Object.keys(networks)),
  hidden: sizesOrNone,
  activation: list(choice(Object.keys(activations)), `one of, or a list of, ${Object.keys(activations).join(', ')}`),
  channels: sizesOrNone,
  kernel: integer(2, 15),
  blocks: integer(1, 64),
  latent: integer(1, MOST_UNITS),
  dropout: share,
  initializer: choice(Object.keys(initialisations)),
  initialBias: choice(['default', 'data']),

  posterior: choice(['normal', ...Object.keys(flows), 'point']),
  scale: choice(Object.keys(scaleParametrisations)),
  flowSteps: integer(1, 1000),
  flowHidden: integer(1, MOST_UNITS),
  flowContext: integer(1, MOST_UNITS),
  likelihood: choice(Object.keys(likelihoods)),
  stddev: either(positive, choice(LEARNED_STDDEVS)),
  squash: truth,
  mixtures: integer(1, 100),

  objective: choice(Object.keys(objectives)),
  kl: choice(KL_ESTIMATORS),
  estimator: choice(GRADIENT_ESTIMATORS),
  gradientVariance: truth,
  beta: notNegative,
  klWarmUp: integer(0),
  freeBits: notNegative,
  samples: integer(1, MOST_UNITS),

  optimizer: choice(Object.keys(optimisers)),
  learningRate: positive,
  epsilon: positive,
  momentum: share,
  weightDecay: notNegative,
  schedule: choice(Object.keys(schedules)),
  warmUp: integer(0),
  decay: number('a number above 0 and at most 1', (value) => value > 0 && value <= 1),
  decayEvery: integer(1),
  floor: notNegative,
  clip: notNegative,
  gradientNorm: truth,
  batchSize: integer(1),
  epochs: integer(1, MOST_EPOCHS),
  steps: integer(1),
  patience: integer(0),

  seed: integer(0),
  keepEvery: integer(0),
  device: choice(Object.keys(engines)),
  precision: choice(PRECISIONS),
  threads: integer(1, 1024),
};

export const OPTIONAL_FIELDS: ReadonlySet<string> = new Set([
  'preset',
  'dataDir',
  'imageSize',
  'imageChannels',
  'inputNoise',
  'steps',
] satisfies (keyof RunConfig)[]);
