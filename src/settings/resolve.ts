/**
 * From what a user has said to a whole configuration. What is said last wins: defaults, what the images ask for, a preset,
 * the user's own settings.
 */

import { namesOf } from '../base/rules.ts';
import { datasets, fitOf } from '../data/index.ts';
import { mapShape } from '../vae/latent-map.ts';
import { networks } from '../vae/networks/index.ts';
import type { NetworkRow } from '../vae/networks/network.ts';
import { estimators } from '../vae/objectives/estimators.ts';
import { objectives } from '../vae/objectives/index.ts';
import { posteriors } from '../vae/posteriors/index.ts';
import { type Choice, choicesFor, type DataFacts } from './by-data.ts';
import { type PresetName, presetOf, presets } from './presets.ts';
import { DEFAULTS, isRead, type RunConfig, type SettingName } from './table.ts';

/** Who has set a setting. */
export type Origin =
  | { readonly by: 'given' }
  | { readonly by: 'preset'; readonly preset: string }
  /** Chosen by the rule for what the images are. */
  | { readonly by: 'data'; readonly reason: string }
  /** No more than the training images: another default would be larger. */
  | { readonly by: 'count'; readonly insteadOf: number }
  /** A setting that begins otherwise, or is needed, with the value of another. */
  | { readonly by: 'setting'; readonly field: SettingName; readonly value: unknown }
  | { readonly by: 'default' };

export type Origins = Readonly<Partial<Record<SettingName, Origin>>>;

/** A whole configuration, which is yet to be checked, and who has set each of its fields. */
export interface Resolved {
  readonly settings: Partial<RunConfig>;
  readonly origins: Origins;
}

/** Settings that come from one place. What a later layer sets wins. */
interface Layer {
  readonly settings: Partial<RunConfig>;
  readonly origin: Origin;
}

/** What some settings ask of others, unless those are given too. */
function implied({ objective = DEFAULTS.objective, posterior, estimator }: Partial<RunConfig>): Layer[] {
  const { hasPrior, uses } = objectives[objective];
  const needsSampling = posterior !== undefined && hasPrior && !posteriors[posterior].closedForm;
  const point = namesOf(posteriors).find((name) => posteriors[name].kind === 'point');
  const layers: (Layer | false | undefined)[] = [
    !hasPrior && point && { settings: { posterior: point }, origin: follows('objective', objective) },
    needsSampling &&
      uses.includes('kl') && { settings: { kl: 'monte-carlo' }, origin: follows('posterior', posterior) },
    estimator &&
      estimators[estimator].needsDensity && {
        settings: { gradientVariance: true },
        origin: follows('estimator', estimator),
      },
  ];
  return layers.filter((layer) => layer !== false && layer !== undefined);
}

const follows = (field: SettingName, value: unknown): Origin => ({ by: 'setting', field, value });

/**
 * The settings of the preset that the user begins with, without those that make no sense with the user's own: of another
 * kind of network, objective or count of the run's length.
 */
function presetSettings({ preset, model, objective, epochs }: Partial<RunConfig>): Partial<RunConfig> {
  if (preset === undefined || !Object.hasOwn(presets, preset)) return {};
  const { steps, hidden, activation, channels, latent, posterior, ...config } = presetOf(preset as PresetName).config;
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
      ...(latent && { latent }),
    }),
    // Any network has a number of latents.
    ...(typeof latent === 'number' && { latent }),
    ...(posterior && (objective === undefined || hasPrior(objective) === hasPrior(config.objective)) && { posterior }),
  };
}

/** The rule's choices that count: nobody has set them, and the chosen rows read them. A preset is a whole, without them. */
function chosen(given: Partial<RunConfig>, facts: DataFacts): Layer[] {
  if (given.preset !== undefined) return [];
  const choices = Object.entries(choicesFor(facts, given)) as [SettingName, Choice][];
  const values = Object.fromEntries(choices.map(([name, { value }]) => [name, value]));
  const config = { ...DEFAULTS, ...values, ...given };
  return choices
    .filter(([name]) => !Object.hasOwn(given, name) && isRead(name, config))
    .map(([name, { value, reason }]) => ({ settings: { [name]: value }, origin: { by: 'data', reason } }));
}

/** The whole configuration of a run on images that are known. */
export function resolveForData(given: Partial<RunConfig>, facts: DataFacts): Resolved {
  const preset = presetSettings(given);
  const said = { ...preset, ...given };
  const byData = chosen(given, facts);
  const { model = DEFAULTS.model, latent } = merged([...byData, { settings: said, origin: GIVEN }]).settings;
  const { settings, origins } = merged([
    { settings: DEFAULTS, origin: { by: 'default' } },
    { settings: networks[model].defaults, origin: follows('model', model) },
    ...forMap(model, latent),
    ...byData,
    ...implied(said),
    { settings: preset, origin: { by: 'preset', preset: String(given.preset) } },
    { settings: given, origin: GIVEN },
  ]);
  const { batchSize = DEFAULTS.batchSize } = settings;
  if (given.batchSize !== undefined || batchSize <= facts.images) return { settings, origins };
  return {
    settings: { ...settings, batchSize: facts.images },
    origins: { ...origins, batchSize: { by: 'count', insteadOf: batchSize } },
  };
}

/** A map of latents asks for other settings of the network than a number of them. */
function forMap(model: RunConfig['model'], latent: RunConfig['latent'] | undefined): Layer[] {
  const { mapDefaults }: NetworkRow<RunConfig> = networks[model];
  return mapDefaults === undefined || mapShape(latent) === undefined
    ? []
    : [{ settings: mapDefaults, origin: follows('latent', latent) }];
}

const GIVEN: Origin = { by: 'given' };

const merged = (layers: readonly Layer[]): Resolved => ({
  settings: Object.assign({}, ...layers.map(({ settings }) => settings)),
  origins: Object.fromEntries(
    layers.flatMap(({ settings, origin }) => Object.keys(settings).map((name) => [name, origin])),
  ),
});

/** Stands for a number of images that is not known: no batch is larger, and no mistake in a setting depends on it. */
const SOME_IMAGES = 1_000_000;
/** Pixels; the same of a size that is not known. */
const SOME_SIDE = 64;

/** What the images of a run may turn out to be, as far as it makes a difference before they are read. */
export function possibleFacts({ dataset, imageSize, imageChannels }: Partial<RunConfig>): DataFacts[] {
  const side = imageSize ?? SOME_SIDE;
  const channels = imageChannels === undefined ? [3, 1] : [imageChannels];
  return channels.map((count) => ({
    images: SOME_IMAGES,
    imageShape: [count, side, side],
    fit: fitOf(dataset ?? DEFAULTS.dataset),
  }));
}

/** What is known before the images are: the rule is applied to likely ones. The result is yet to be checked. */
export const resolveConfig = (given: Partial<RunConfig>): Partial<RunConfig> =>
  resolveForData(given, possibleFacts(given)[0]).settings;

/** Another default than the table's, and for what it is. */
export interface OtherDefault {
  readonly of: string;
  /** None where it is chosen for the images. */
  readonly value?: unknown;
}

/** Defaults of a setting that follow from the data or from the network, so that a help can say them beside the usual one. */
export function otherDefaults(name: SettingName): OtherDefault[] {
  const photographs = namesOf(datasets).filter((dataset) => datasets[dataset].fit === 'photo');
  const isChosen = possibleFacts({ dataset: photographs[0] }).some((facts) => Object.hasOwn(choicesFor(facts), name));
  const forNetworks = namesOf(networks).flatMap((model) => {
    const value = (networks[model].defaults as Partial<RunConfig>)[name];
    return value === undefined ? [] : [{ of: `--model ${model}`, value }];
  });
  return [...(isChosen ? [{ of: `${photographs.join(', ')} and folders` }] : []), ...forNetworks];
}
