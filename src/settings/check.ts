/** Whether settings make sense: each by itself, and together. */

import { ConfigError } from '../base/errors.ts';
import { expectation } from '../base/rules.ts';
import { parseInputNoise } from '../data/preprocessing.ts';
import { isFlow } from '../vae/flows/index.ts';
import { likelihoodOf } from '../vae/likelihoods.ts';
import { CONFIG_RULES, DEFAULT_CONFIG, OPTIONAL_FIELDS, type RunConfig } from './config.ts';

/** How the reader of a message knows a field. */
type Label = (field: string) => string;

const format = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value));

/** Two settings that do not go together. */
interface Conflict {
  readonly field: keyof RunConfig;
  readonly holds: (config: RunConfig) => boolean;
  /** What is expected instead. */
  readonly instead: (config: RunConfig, label: Label) => string;
}

const isDefault = (config: RunConfig, field: keyof typeof DEFAULT_CONFIG): boolean =>
  config[field] === DEFAULT_CONFIG[field];

const CONFLICTS: readonly Conflict[] = [
  {
    field: 'activation',
    holds: ({ activation, hidden, model }) =>
      activation.length !== 1 && (model !== 'dense' || activation.length !== hidden.length),
    instead: ({ activation, hidden, model }) =>
      model === 'dense'
        ? `${activation.length} activations for ${hidden.length} hidden layer${hidden.length === 1 ? '' : 's'}; give one for all, or one for each`
        : 'a network of convolutions has one activation for all its layers',
  },
  {
    field: 'hidden',
    holds: ({ model, hidden }) => model === 'dense' && hidden.length === 0,
    instead: () => 'a dense network needs a hidden layer',
  },
  {
    field: 'posterior',
    holds: ({ posterior, objective }) => (posterior === 'point') !== (objective === 'autoencoder'),
    instead: (_, label) =>
      `a point is what ${label('objective')} autoencoder encodes to, and nothing else does; leave ${label('posterior')} out`,
  },
  {
    field: 'kl',
    holds: (config) => config.kl === 'analytic' && isFlow(config.posterior) && config.objective === 'elbo',
    instead: ({ posterior }, label) =>
      `the KL of a ${posterior} flow has no closed form; use ${label('kl')} monte-carlo`,
  },
  {
    field: 'estimator',
    holds: (config) =>
      config.estimator === 'score-function' && (config.objective !== 'elbo' || config.posterior !== 'normal'),
    instead: (_, label) =>
      `the score function is there for ${label('objective')} elbo with ${label('posterior')} normal alone`,
  },
  {
    field: 'gradientVariance',
    holds: (config) => config.gradientVariance && (config.objective !== 'elbo' || config.posterior !== 'normal'),
    instead: (_, label) =>
      `two estimators are compared for ${label('objective')} elbo with ${label('posterior')} normal alone`,
  },
  {
    field: 'freeBits',
    holds: (config) =>
      config.freeBits > 0 && (config.kl !== 'analytic' || config.objective !== 'elbo' || isFlow(config.posterior)),
    instead: (_, label) =>
      `free bits are counted on each latent's KL in closed form: ${label('objective')} elbo, ${label('kl')} analytic, no flow`,
  },
  {
    field: 'beta',
    holds: (config) => config.objective !== 'elbo' && !isDefault(config, 'beta'),
    instead: ({ objective }, label) => `${objective} has no KL term to weigh; use ${label('objective')} elbo`,
  },
  {
    field: 'klWarmUp',
    holds: (config) => config.objective !== 'elbo' && config.klWarmUp > 0,
    instead: ({ objective }, label) => `${objective} has no KL term to warm up; use ${label('objective')} elbo`,
  },
  {
    field: 'samples',
    holds: (config) => config.objective === 'autoencoder' && config.samples > 1,
    instead: () => 'an autoencoder draws no samples',
  },
  {
    field: 'range',
    holds: ({ likelihood, range }) => likelihoodOf(likelihood).unitRange && range !== 'unit',
    instead: ({ likelihood }, label) => `a ${likelihood} likelihood is of pixels in [0, 1]; use ${label('range')} unit`,
  },
  {
    field: 'binarize',
    holds: ({ likelihood, binarize }) =>
      binarize !== 'none' && likelihood !== 'bernoulli' && likelihood !== 'squared-error',
    instead: ({ likelihood }, label) =>
      `black and white pixels have a bernoulli likelihood, not a ${likelihood} one; use ${label('binarize')} none`,
  },
  {
    field: 'initialBias',
    holds: ({ initialBias, likelihood, model }) =>
      initialBias === 'data' && (likelihood !== 'bernoulli' || model !== 'dense'),
    instead: (_, label) =>
      `pixels have a bias each, and it is a logit, in ${label('model')} dense with ${label('likelihood')} bernoulli alone`,
  },
  {
    field: 'floor',
    holds: ({ floor, learningRate }) => floor > learningRate,
    instead: ({ learningRate }, label) => `a floor is no higher than ${label('learningRate')} ${learningRate}`,
  },
  {
    field: 'likelihood',
    holds: ({ likelihood, objective }) => likelihood === 'squared-error' && objective !== 'autoencoder',
    instead: (_, label) =>
      `a squared error is no density, so there is no bound; use ${label('likelihood')} normal, or ${label('objective')} autoencoder`,
  },
];

/**
 * Checks every field and how they fit together.
 * @throws ConfigError naming the field, the value and what was expected.
 */
export function checkConfig(values: Readonly<Record<string, unknown>>, label: Label): RunConfig {
  const checked: Record<string, unknown> = {};
  for (const [field, rule] of Object.entries(CONFIG_RULES)) {
    const value = values[field];
    if (value === undefined && OPTIONAL_FIELDS.has(field)) continue;
    if (!rule.accepts(value)) {
      throw new ConfigError(`${label(field)} ${format(value)}: ${expectation(value, rule)}`);
    }
    checked[field] = value;
  }
  const config = checked as unknown as RunConfig;
  if (config.inputNoise !== undefined) parseInputNoise(config.inputNoise, label('inputNoise'));
  const conflict = CONFLICTS.find(({ holds }) => holds(config));
  if (conflict !== undefined) {
    const { field, instead } = conflict;
    throw new ConfigError(`${label(field)} ${format(config[field])}: ${instead(config, label)}`);
  }
  return config;
}
