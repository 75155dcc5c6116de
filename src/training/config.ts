/** Everything that determines a run, resolved: what config.json and every checkpoint hold. */

import { BINARISATIONS, type Binarisation } from '../data/binarise.ts';
import { type DatasetName, datasets } from '../data/index.ts';
import { type EngineName, engines } from '../engines/index.ts';
import { ConfigError } from '../errors.ts';
import { type ActivationName, activations } from '../nn/activations.ts';
import { type OptimiserName, optimisers } from '../nn/optimisers.ts';
import { type InitialisationName, initialisations } from '../nn/parameter.ts';
import { choice, expectation, integer, list, notNegative, number, positive, type Rule, text } from '../rules.ts';
import { type ScaleParametrisation, scaleParametrisations } from '../vae/distributions/normal.ts';
import { type LikelihoodName, likelihoods } from '../vae/model.ts';
import { KL_ESTIMATORS, type KlEstimator } from '../vae/objectives.ts';

/** The names are those of the command line's flags. */
export interface RunConfig {
  readonly dataset: DatasetName;
  readonly dataDir?: string;
  readonly binarize: Binarisation;
  readonly validation: number;

  readonly hidden: readonly number[];
  readonly activation: readonly ActivationName[];
  readonly latent: number;
  readonly dropout: number;
  readonly initializer: InitialisationName;
  readonly scale: ScaleParametrisation;
  readonly likelihood: LikelihoodName;
  readonly stddev: number;

  readonly kl: KlEstimator;
  readonly beta: number;
  readonly samples: number;

  readonly optimizer: OptimiserName;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly batchSize: number;
  readonly epochs: number;

  readonly seed: number;
  readonly keepEvery: number;
  readonly device: EngineName;
  readonly threads: number;
}

export const DEFAULT_CONFIG: Omit<RunConfig, 'device' | 'threads'> = {
  dataset: 'mnist',
  binarize: 'none',
  validation: 0,
  hidden: [400],
  activation: ['relu'],
  latent: 20,
  dropout: 0,
  initializer: 'pytorch',
  scale: 'log-variance',
  likelihood: 'bernoulli',
  stddev: 1,
  kl: 'analytic',
  beta: 1,
  samples: 1,
  optimizer: 'adam',
  learningRate: 1e-3,
  weightDecay: 0.01,
  batchSize: 128,
  epochs: 10,
  seed: 0,
  keepEvery: 0,
};

/** Sizes above these are mistakes rather than models. */
const MOST_UNITS = 65536;
const MOST_EPOCHS = 1e7;

/** A rule for every field. */
export const CONFIG_RULES: { readonly [K in keyof Required<RunConfig>]: Rule } = {
  dataset: choice(Object.keys(datasets)),
  dataDir: text('a folder'),
  binarize: choice(BINARISATIONS),
  validation: integer(0),
  hidden: list(integer(1, MOST_UNITS), `sizes such as 500,500, each an integer from 1 to ${MOST_UNITS}`),
  activation: list(choice(Object.keys(activations)), `one of, or a list of, ${Object.keys(activations).join(', ')}`),
  latent: integer(1, MOST_UNITS),
  dropout: number('a number of at least 0 and less than 1', (value) => value >= 0 && value < 1),
  initializer: choice(Object.keys(initialisations)),
  scale: choice(Object.keys(scaleParametrisations)),
  likelihood: choice(Object.keys(likelihoods)),
  stddev: positive,
  kl: choice(KL_ESTIMATORS),
  beta: notNegative,
  samples: integer(1, MOST_UNITS),
  optimizer: choice(Object.keys(optimisers)),
  learningRate: positive,
  weightDecay: notNegative,
  batchSize: integer(1),
  epochs: integer(1, MOST_EPOCHS),
  seed: integer(0),
  keepEvery: integer(0),
  device: choice(Object.keys(engines)),
  threads: integer(1, 1024),
};

const OPTIONAL: ReadonlySet<string> = new Set(['dataDir'] satisfies (keyof RunConfig)[]);

const format = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value));

/**
 * Checks every field and how they fit together. `label` says how the reader of a message knows a field.
 * @throws ConfigError naming the field, the value and what was expected.
 */
export function checkConfig(values: Readonly<Record<string, unknown>>, label: (field: string) => string): RunConfig {
  const checked: Record<string, unknown> = {};
  for (const [field, rule] of Object.entries(CONFIG_RULES)) {
    const value = values[field];
    if (value === undefined && OPTIONAL.has(field)) continue;
    if (!rule.accepts(value)) {
      throw new ConfigError(`${label(field)} ${format(value)}: ${expectation(value, rule)}`);
    }
    checked[field] = value;
  }
  const config = checked as unknown as RunConfig;
  if (config.activation.length !== 1 && config.activation.length !== config.hidden.length) {
    const [given, layers] = [config.activation.length, config.hidden.length];
    throw new ConfigError(
      `${label('activation')} ${format(config.activation)}: ${given} activations for ${layers} hidden layer${layers === 1 ? '' : 's'}; give one for all, or one for each`,
    );
  }
  return config;
}
