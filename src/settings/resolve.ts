/** From what a user has said to a whole configuration. What is said last wins: defaults, a preset, the user's own settings. */

import { namesOf } from '../base/rules.ts';
import type { Fit } from '../data/dataset.ts';
import { datasets, fitOf } from '../data/index.ts';
import { mapShape } from '../vae/latent-map.ts';
import { networks } from '../vae/networks/index.ts';
import { estimators } from '../vae/objectives/estimators.ts';
import { objectives } from '../vae/objectives/index.ts';
import { posteriors } from '../vae/posteriors/index.ts';
import { type PresetName, presetOf, presets } from './presets.ts';
import { DEFAULTS, type RunConfig, type SettingName } from './table.ts';

/** Digits are drawn well enough by a dense network; photographs are not, and their pixels are bytes. */
const FIT_DEFAULTS: Readonly<Record<Fit, Partial<RunConfig>>> = {
  digit: {},
  garment: {},
  photo: { model: 'conv', latent: 128, likelihood: 'discretised-logistic' },
};

/** What some settings ask of others, unless those are given too. */
function implied({
  objective = DEFAULTS.objective,
  posterior,
  estimator,
  latent,
}: Partial<RunConfig>): Partial<RunConfig> {
  const { hasPrior, uses } = objectives[objective];
  const needsSampling = posterior !== undefined && hasPrior && !posteriors[posterior].closedForm;
  const point = namesOf(posteriors).find((name) => posteriors[name].kind === 'point');
  return {
    // A map has no dense layers before it.
    ...(mapShape(latent) && { hidden: [], blocks: 2 }),
    ...(!hasPrior && point && { posterior: point }),
    ...(needsSampling && uses.includes('kl') && { kl: 'monte-carlo' }),
    ...(estimator && estimators[estimator].needsDensity && { gradientVariance: true }),
  };
}

/**
 * The settings of the preset that the user begins with, without those that make no sense with the user's own: of another
 * kind of network, objective or count of the run's length.
 */
function presetSettings({ preset, model, objective, epochs }: Partial<RunConfig>): Partial<RunConfig> {
  if (preset === undefined || !Object.hasOwn(presets, preset)) return {};
  const { steps, hidden, activation, channels, posterior, ...config } = presetOf(preset as PresetName).config;
  const hasPrior = (name: RunConfig['objective'] = DEFAULTS.objective): boolean => objectives[name].hasPrior;
  return {
    ...config,
    ...(steps !== undefined && epochs === undefined && { steps }),
    // One activation fits any network; a list of them has one for each layer of the preset's.
    ...(activation?.length === 1 && { activation }),
    ...((model === undefined || model === (config.model ?? DEFAULTS.model)) && {
      ...(hidden && { hidden }),
      ...(activation && { activation }),
      ...(channels && { channels }),
    }),
    ...(posterior && (objective === undefined || hasPrior(objective) === hasPrior(config.objective)) && { posterior }),
  };
}

/** The result is yet to be checked. */
export function resolveConfig(given: Partial<RunConfig>): Partial<RunConfig> {
  const said = { ...presetSettings(given), ...given };
  const forData = given.preset === undefined ? FIT_DEFAULTS[fitOf(said.dataset ?? DEFAULTS.dataset)] : {};
  const model = said.model ?? forData.model ?? DEFAULTS.model;
  return { ...DEFAULTS, ...forData, ...networks[model].defaults, ...implied(said), ...said };
}

/** Another default than the table's, and for what it is. */
export interface OtherDefault {
  readonly of: string;
  readonly value: unknown;
}

/** Defaults of a setting that follow from the data or from the network, so that a help can say them beside the usual one. */
export function otherDefaults(name: SettingName): OtherDefault[] {
  const forNetworks = namesOf(networks).map((model) => ({
    of: `--model ${model}`,
    settings: networks[model].defaults,
  }));
  const photographs = namesOf(datasets).filter((dataset) => datasets[dataset].fit === 'photo');
  const forPhotos = { of: `${photographs.join(', ')} and folders`, settings: FIT_DEFAULTS.photo };
  return [forPhotos, ...forNetworks].flatMap(({ of, settings }) => {
    const value = (settings as Partial<RunConfig>)[name];
    return value === undefined ? [] : [{ of, value }];
  });
}
