/** Whether settings make sense: each by itself, together, and none without effect. */

import { ConfigError, type Conflict } from '../base/errors.ts';
import { expectation, namesOf } from '../base/rules.ts';
import { counted } from '../base/words.ts';
import { binarisations } from '../data/binarise.ts';
import { likelihoodOf, likelihoods } from '../vae/likelihoods/index.ts';
import { RANGES } from '../vae/likelihoods/likelihood.ts';
import { networks } from '../vae/networks/index.ts';
import type { NetworkRow } from '../vae/networks/network.ts';
import { estimators } from '../vae/objectives/estimators.ts';
import { objectives } from '../vae/objectives/index.ts';
import type { ObjectiveRow } from '../vae/objectives/objective.ts';
import { posteriors } from '../vae/posteriors/index.ts';
import type { PosteriorRow } from '../vae/posteriors/posterior.ts';
import type { Origin, Origins } from './resolve.ts';
import { type RunConfig, readersOf, SETTING_NAMES, type SettingName, settingOf, settings } from './table.ts';

type Check = (config: RunConfig) => Conflict | undefined;

/** The names of a table's rows for which something holds, as remedies. */
const rowsThat = <Row>(field: SettingName, rows: Readonly<Record<string, Row>>, holds: (row: Row) => boolean) =>
  namesOf(rows)
    .filter((name) => holds(rows[name]))
    .map((value) => ({ field, value }));

const objectiveRows: Readonly<Record<string, ObjectiveRow<never>>> = objectives;
const posteriorRows: Readonly<Record<string, PosteriorRow>> = posteriors;

/** An objective with a prior draws z from a density; one without encodes to a point. */
const posteriorFits: Check = ({ posterior, objective }) => {
  const { hasPrior } = objectives[objective];
  if (hasPrior === (posteriors[posterior].kind === 'density')) return undefined;
  return hasPrior
    ? {
        field: 'posterior',
        problem: 'a point has no density, which a bound needs',
        remedies: rowsThat('objective', objectiveRows, (row) => !row.hasPrior),
      }
    : {
        field: 'posterior',
        problem: 'an autoencoder without a prior encodes to a point',
        remedies: rowsThat('posterior', posteriorRows, ({ kind }) => kind === 'point'),
      };
};

const likelihoodFits: Check = ({ likelihood, objective, binarize }) => {
  const kind = likelihoodOf(likelihood).kind(binarisations[binarize].isBinary);
  if (kind !== 'error' || !objectives[objective].hasPrior) return undefined;
  return {
    field: 'likelihood',
    problem: 'this is no density, so there is no bound',
    remedies: [
      ...rowsThat('objective', objectiveRows, (row) => !row.hasPrior),
      { field: 'likelihood', value: settings.likelihood.default },
    ],
  };
};

const rangeFits: Check = ({ likelihood, range }) =>
  likelihoodOf(likelihood).unitRange && (RANGES[range].low !== 0 || RANGES[range].high !== 1)
    ? {
        field: 'range',
        problem: `the likelihood ${likelihood} is of pixels from 0 to 1`,
        remedies: [{ field: 'range', value: 'unit' }],
      }
    : undefined;

const binarizeFits: Check = ({ likelihood, binarize }) =>
  binarisations[binarize].isBinary && !likelihoodOf(likelihood).binaryPixels
    ? {
        field: 'binarize',
        problem: `the likelihood ${likelihood} is not one of black and white pixels`,
        remedies: [
          { field: 'binarize', value: 'none' },
          ...rowsThat('likelihood', likelihoods, ({ binaryPixels, kind }) => binaryPixels && kind(true) !== 'error'),
        ],
      }
    : undefined;

const floorFits: Check = ({ floor, learningRate }) =>
  floor > learningRate
    ? { field: 'floor', problem: `expected no more than the learning rate, which is ${learningRate}` }
    : undefined;

const networkFits: Check = (config) => {
  const row: NetworkRow<RunConfig> = networks[config.model];
  return row.conflict(config);
};

const objectiveFits: Check = (config) => {
  const row: ObjectiveRow<RunConfig> = objectives[config.objective];
  return row.conflict?.(config, posteriors[config.posterior]);
};

/** A map of latents needs convolutions, which know places; a ladder has nothing but maps. */
const latentFits: Check = ({ model, latent }) => {
  const { latents } = networks[model];
  if (latents === 'either' || latents === (typeof latent === 'number' ? 'number' : 'map')) return undefined;
  return latents === 'map'
    ? {
        field: 'latent',
        problem: `the model ${model} has maps of latents, such as ${networks[model].defaults.latent}, whose sides are those of the images halved`,
      }
    : {
        field: 'latent',
        problem: `the model ${model} has no map of latents`,
        remedies: rowsThat('model', networks, (row) => row.latents !== 'number'),
      };
};

/** A network of several layers of latents makes its own posterior, normal given the latents above. */
const layersFit: Check = ({ model, objective, posterior, estimator, gradientVariance }) => {
  if ('encoder' in networks[model]) return undefined;
  const others = rowsThat('model', networks, (row) => 'encoder' in row);
  if (!objectives[objective].hasPrior) {
    return { field: 'objective', problem: `the model ${model} needs a prior`, remedies: others };
  }
  if (!posteriors[posterior].closedForm) {
    const own = rowsThat('posterior', posteriorRows, (row) => row.closedForm && row.kind === 'density');
    return { field: 'posterior', problem: `the model ${model} has a normal posterior of its own`, remedies: own };
  }
  if (estimators[estimator].needsDensity) {
    const through = rowsThat('estimator', estimators, (row) => !row.needsDensity);
    return { field: 'estimator', problem: `the model ${model} has gradients through its draws`, remedies: through };
  }
  // Said of a switch, whose name stands before it.
  const problem = 'needs a model with one layer of latents';
  return gradientVariance ? { field: 'gradientVariance', problem, remedies: others } : undefined;
};

const CHECKS: readonly Check[] = [
  latentFits,
  layersFit,
  networkFits,
  posteriorFits,
  objectiveFits,
  likelihoodFits,
  rangeFits,
  binarizeFits,
  floorFits,
];

/** Who has set what the user has not: nobody should be told of a mistake in something that they never wrote. */
function describeOrigin(origin: Origin): string | undefined {
  if (origin.by === 'given') return undefined;
  if (origin.by === 'preset') return `set by the preset ${origin.preset}`;
  if (origin.by === 'setting') return `chosen for the ${origin.field} ${origin.value}`;
  return origin.by === 'data' ? `chosen for ${origin.reason}` : 'not given, so the default';
}

function originOf(field: string, origins: Origins): { origin?: string } {
  const origin = (origins as Readonly<Record<string, Origin | undefined>>)[field];
  const words = origin && describeOrigin(origin);
  return words === undefined ? {} : { origin: words };
}

/**
 * Checks every field and how they fit together.
 * @param origins who has set each field; by default the user has.
 * @throws ConfigError naming the field, the value, who has set it and what was expected.
 */
export function checkConfig(values: Readonly<Record<string, unknown>>, origins: Origins = {}): RunConfig {
  const checked: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const { rule, optional } = settingOf(name);
    const value = values[name];
    if (value === undefined && optional) continue;
    if (!rule.accepts(value)) throw new ConfigError(expectation(value, rule), { field: name, value });
    checked[name] = value;
  }
  const config = checked as unknown as RunConfig;
  for (const check of CHECKS) {
    const conflict = check(config);
    if (conflict === undefined) continue;
    const { field, problem, remedies = [] } = conflict;
    throw new ConfigError(problem, { field, value: checked[field], ...originOf(field, origins), remedies });
  }
  return config;
}

/**
 * What `make` makes of settings and images.
 * @throws ConfigError as it does, with who has set the field.
 */
export function withOrigins<Made>(origins: Origins, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ConfigError) || error.details.field === undefined) throw error;
    throw new ConfigError(error.problem, { ...error.details, ...originOf(error.details.field, origins) });
  }
}

/**
 * Whoever sets something expects something of it.
 * @param given the settings that the user has named.
 * @throws ConfigError if one of them is read by other rows of a registry alone than those that are chosen.
 */
export function checkEffect(given: Partial<RunConfig>, config: Partial<RunConfig>): void {
  for (const name of SETTING_NAMES) {
    if (given[name] === undefined) continue;
    for (const { by, names } of readersOf(name)) {
      const chosen = String(config[by]);
      if (names.includes(chosen)) continue;
      const remedies = names.map((value) => ({ field: by, value }));
      // A switch is known by its value; of others the value does not matter.
      const value = typeof given[name] === 'boolean' ? { value: given[name] } : {};
      throw new ConfigError(`has no effect with the ${by} ${chosen}`, { field: name, ...value, remedies });
    }
  }
}

/** @throws ConfigError if a batch is larger than the training set. */
export function checkBatch({ batchSize }: RunConfig, images: number): void {
  if (batchSize <= images) return;
  const problem = `larger than the ${counted(images, 'training image')}; use a smaller number`;
  throw new ConfigError(problem, { field: 'batchSize', value: batchSize });
}
