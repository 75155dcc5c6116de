/** From what a user has said to a whole configuration. What is said last wins: defaults, a preset, the user's own settings. */

import { isFlow } from '../vae/flows/index.ts';
import { DEFAULT_CONFIG, MODEL_DEFAULTS, type RunConfig } from './config.ts';
import { type PresetName, presetOf, presets } from './presets.ts';

/** Digits are drawn well enough by a dense network; photographs are not, and their pixels are bytes. */
const PHOTO_DEFAULTS: Partial<RunConfig> = { model: 'conv', latent: 128, likelihood: 'discretised-logistic' };
const DIGIT_DATASETS: ReadonlySet<string> = new Set(['mnist', 'fashion-mnist']);

/** What some settings ask of others, unless those are given too. */
function implied({ objective, posterior, estimator }: Partial<RunConfig>): Partial<RunConfig> {
  return {
    ...(objective === 'autoencoder' && { posterior: 'point' }),
    ...(posterior !== undefined && isFlow(posterior) && objective !== 'iwae' && { kl: 'monte-carlo' }),
    ...(estimator === 'score-function' && { gradientVariance: true }),
  };
}

/**
 * The settings of the preset that the user begins with, without those that the user's own take the ground from: of another
 * kind of network, objective or count of the run's length.
 */
function presetSettings({ preset, model, objective, epochs }: Partial<RunConfig>): Partial<RunConfig> {
  if (preset === undefined || !Object.hasOwn(presets, preset)) return {};
  const { steps, hidden, channels, posterior, ...config } = presetOf(preset as PresetName).config;
  const plain = (name: string | undefined): boolean => name === 'autoencoder';
  return {
    ...config,
    ...(steps !== undefined && epochs === undefined && { steps }),
    ...((model === undefined || model === (config.model ?? DEFAULT_CONFIG.model)) && {
      ...(hidden && { hidden }),
      ...(channels && { channels }),
    }),
    ...(posterior && (objective === undefined || plain(objective) === plain(config.objective)) && { posterior }),
  };
}

/** The result is yet to be checked. */
export function resolveConfig(given: Partial<RunConfig>): Partial<RunConfig> {
  const said = { ...presetSettings(given), ...given };
  const dataset = said.dataset ?? DEFAULT_CONFIG.dataset;
  const forData = given.preset === undefined && !DIGIT_DATASETS.has(dataset) ? PHOTO_DEFAULTS : {};
  const model = said.model ?? forData.model ?? DEFAULT_CONFIG.model;
  return { ...DEFAULT_CONFIG, ...forData, ...MODEL_DEFAULTS[model], ...implied(said), ...said };
}
