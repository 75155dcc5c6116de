/** Everything that determines a run, resolved: what config.json and every checkpoint hold. */

import { BINARISATIONS, type Binarisation } from '../data/binarise.ts';
import { type DatasetName, datasets } from '../data/index.ts';
import { type EngineName, engines } from '../engines/index.ts';
import { InputError } from '../errors.ts';
import { type ActivationName, activations } from '../nn/activations.ts';
import { type OptimiserName, optimisers } from '../nn/optimisers.ts';
import { type InitialisationName, initialisations } from '../nn/parameter.ts';
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

export const DEFAULT_CONFIG: Omit<RunConfig, 'threads'> = {
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
  device: 'onnx',
};

/** What a field may hold, in words and as a test. */
export interface Rule {
  readonly expects: string;
  readonly accepts: (value: unknown) => boolean;
  /** The valid values, where they are a short list. */
  readonly choices?: readonly string[];
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

const integer = (least: number, most = Number.MAX_SAFE_INTEGER): Rule => ({
  expects: most === Number.MAX_SAFE_INTEGER ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`,
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
});

const number = (expects: string, accepts: (value: number) => boolean): Rule => ({
  expects,
  accepts: (value) => isNumber(value) && accepts(value),
});

const choice = (choices: readonly string[]): Rule => ({
  expects: `one of ${choices.join(', ')}`,
  accepts: (value) => typeof value === 'string' && choices.includes(value),
  choices,
});

const list = (item: Rule, expects: string): Rule => ({
  expects,
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(item.accepts),
  ...(item.choices === undefined ? {} : { choices: item.choices }),
});

/** Sizes above these are mistakes rather than models. */
const MOST_UNITS = 65536;
const MOST_EPOCHS = 1e7;

const rules: { readonly [K in keyof Required<RunConfig>]: Rule } = {
  dataset: choice(Object.keys(datasets)),
  dataDir: { expects: 'a folder', accepts: (value) => value === undefined || typeof value === 'string' },
  binarize: choice(BINARISATIONS),
  validation: integer(0),
  hidden: list(integer(1, MOST_UNITS), `sizes such as 500,500, each an integer from 1 to ${MOST_UNITS}`),
  activation: list(choice(Object.keys(activations)), `one of, or a list of, ${Object.keys(activations).join(', ')}`),
  latent: integer(1, MOST_UNITS),
  dropout: number('a number of at least 0 and less than 1', (value) => value >= 0 && value < 1),
  initializer: choice(Object.keys(initialisations)),
  scale: choice(Object.keys(scaleParametrisations)),
  likelihood: choice(Object.keys(likelihoods)),
  stddev: number('a positive number', (value) => value > 0),
  kl: choice(KL_ESTIMATORS),
  beta: number('a number of at least 0', (value) => value >= 0),
  samples: integer(1, MOST_UNITS),
  optimizer: choice(Object.keys(optimisers)),
  learningRate: number('a positive number', (value) => value > 0),
  weightDecay: number('a number of at least 0', (value) => value >= 0),
  batchSize: integer(1),
  epochs: integer(1, MOST_EPOCHS),
  seed: integer(0),
  keepEvery: integer(0),
  device: choice(Object.keys(engines)),
  threads: integer(1, 1024),
};

const format = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value));

/**
 * Checks every field and how they fit together. `label` says how the reader of a message knows a field.
 * @throws InputError naming the field, the value and what was expected.
 */
export function checkConfig(values: Readonly<Record<string, unknown>>, label: (field: string) => string): RunConfig {
  const checked: Record<string, unknown> = {};
  for (const [field, rule] of Object.entries(rules)) {
    const value = values[field];
    if (!rule.accepts(value)) {
      throw new InputError(`${label(field)} ${format(value)}: expected ${rule.expects}${suggestion(value, rule)}`);
    }
    if (value !== undefined) checked[field] = value;
  }
  const config = checked as unknown as RunConfig;
  if (config.activation.length !== 1 && config.activation.length !== config.hidden.length) {
    const [given, layers] = [config.activation.length, config.hidden.length];
    throw new InputError(
      `${label('activation')} ${format(config.activation)}: ${given} activations for ${layers} hidden layer${layers === 1 ? '' : 's'}; give one for all, or one for each`,
    );
  }
  return config;
}

function suggestion(value: unknown, { choices }: Rule): string {
  if (choices === undefined) return '';
  const wrong = (Array.isArray(value) ? value : [value]).find((item) => !choices.includes(String(item)));
  const nearest = nearestName(String(wrong), choices);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

/** The name that fewest edits turn the given one into, if they are few. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const ranked = names.map((candidate) => ({ candidate, edits: editDistance(name.toLowerCase(), candidate) }));
  const [best] = ranked.sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= Math.max(2, name.length / 3) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
    }
    row = next;
  }
  return row[b.length];
}
