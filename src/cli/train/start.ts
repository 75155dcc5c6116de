/** What vae train starts from: new settings, or a checkpoint of a run that is to be continued. */

import { isDeepStrictEqual } from 'node:util';
import { ConfigError, InputError } from '../../base/errors.ts';
import type { Engine } from '../../engines/engine.ts';
import { createModel } from '../../programs/programs.ts';
import { type Checkpoint, readCheckpoint } from '../../runs/checkpoint.ts';
import type { RunDirectory } from '../../runs/run-directory.ts';
import { type DataFacts, describeFacts } from '../../settings/by-data.ts';
import { checkConfig, withOrigins } from '../../settings/check.ts';
import { type RunConfig, SETTING_NAMES, type SettingName, settingOf, settings } from '../../settings/table.ts';
import { Trainer } from '../../training/trainer.ts';
import { channelsOf, loadImages, placedAt, recordedSplit } from '../shared/dataset.ts';
import { formatFlags } from '../shared/flags.ts';
import { findRun } from '../shared/model.ts';
import { note } from '../shared/terminal.ts';
import type { TrainOptions } from './options.ts';
import { factsOf, type RunSettings, settingsBeforeData, settingsFor, withAbsoluteData } from './settings.ts';

const isResumable = (field: string): boolean =>
  Object.hasOwn(settings, field) && settingOf(field as SettingName).resumable;

interface Resumed {
  readonly run: RunDirectory;
  readonly checkpoint: Checkpoint;
}

interface Start {
  readonly config: RunConfig;
  /** What the user has said, where the images decide the rest. */
  readonly given?: Partial<RunConfig>;
  readonly resumed?: Resumed;
}

/** @throws ConfigError if a setting is wrong, or cannot change in a resumed run. */
export const startOf = (options: TrainOptions): Start =>
  options.resume === undefined ? startNew(options) : startFrom(options);

function startNew({ resume: _, out: __, ...options }: TrainOptions): Start {
  const given = withAbsoluteData(options);
  return { config: settingsBeforeData(given), given };
}

function startFrom({ resume, out: _, ...options }: TrainOptions): Start {
  const run = findRun(resume === true ? undefined : resume);
  // Before its checkpoint is read: another process may be about to write one.
  run.lock();
  const checkpoint = readCheckpoint(run.lastCheckpoint);
  const given = withAbsoluteData(options);
  const recorded = new Map<string, unknown>(Object.entries(checkpoint.config));
  const changes = ([field, value]: [string, unknown]): boolean =>
    !isResumable(field) && !isDeepStrictEqual(value, recorded.get(field));
  const fixed = Object.entries(given).find(changes);
  if (fixed !== undefined) {
    throw new ConfigError('cannot be changed by --resume; start a new run instead', { field: fixed[0] });
  }
  const { steps, ...before } = checkpoint.config;
  // A length given in epochs replaces one in steps.
  const length = steps === undefined || given.epochs !== undefined ? {} : { steps };
  const { dataDir, ...others } = given;
  const config = placedAt(checkConfig({ ...before, ...length, ...others }), dataDir);
  return { config, resumed: { run, checkpoint } };
}

/**
 * Finds everything that can be wrong with the settings or the data before anything is written.
 * @throws InputError or ConfigError if something is.
 */
export async function prepare(asked: RunConfig, engine: Engine, { resumed, given }: Start) {
  try {
    const earlier = resumed && {
      recorded: recordedSplit(resumed.run.folder),
      recordedChannels: channelsOf(resumed.checkpoint.imageShape),
      mayDiffer: false,
    };
    const dataset = await loadImages(asked, earlier);
    const decided = given && settingsFor(given, factsOf(dataset));
    const { device, threads } = asked;
    const config = decided === undefined ? asked : { ...decided.config, device, threads };
    const model = withOrigins(decided?.origins ?? {}, () => createModel(config, dataset.imageShape));
    const trainer = new Trainer(engine, model, dataset);
    if (resumed !== undefined) trainer.restore(resumed.checkpoint, resumed.run.lastCheckpoint);
    if (decided !== undefined) noteChoices(decided, factsOf(dataset));
    return { dataset, model, trainer };
  } catch (error) {
    // The settings of a resumed run were right when it began, so the data must have changed.
    if (resumed === undefined || !(error instanceof ConfigError)) throw error;
    throw new InputError(`${resumed.run.folder}: its data has changed: ${error.message}`);
  }
}

/** Says what the images have decided, as far as it is not the usual. */
function noteChoices({ config, origins }: RunSettings, facts: DataFacts): void {
  const names = SETTING_NAMES.filter((name) => origins[name]?.by === 'data');
  const values = names.map((name) => [name, config[name]] as const);
  const unusual = values.filter(([name, value]) => !isDeepStrictEqual(value, settingOf(name).default));
  if (unusual.length > 0) {
    const flags = formatFlags(Object.fromEntries(unusual));
    note(`for ${describeFacts(facts)}: ${flags.join(' ')} (vae config explains)`);
  }
  const { batchSize } = origins;
  if (batchSize?.by === 'count') {
    note(`batches of ${config.batchSize} instead of ${batchSize.insteadOf}: there are no more training images`);
  }
}
