/** What vae train starts from: new settings, or a checkpoint of a run that is to be continued. */

import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError, InputError } from '../../base/errors.ts';
import type { Dataset } from '../../data/dataset.ts';
import { resolveDataset } from '../../data/index.ts';
import type { Engine } from '../../engines/engine.ts';
import { createModel } from '../../programs/programs.ts';
import { type Checkpoint, readCheckpoint } from '../../runs/checkpoint.ts';
import type { RunDirectory } from '../../runs/run-directory.ts';
import { checkConfig, checkEffect } from '../../settings/check.ts';
import { resolveConfig } from '../../settings/resolve.ts';
import { type RunConfig, type SettingName, settingOf, settings } from '../../settings/table.ts';
import { Trainer } from '../../training/trainer.ts';
import { channelsOf, loadImages, placedAt, recordedSplit } from '../shared/dataset.ts';
import { findRun } from '../shared/model.ts';
import { defaultThreads } from '../shared/options.ts';
import { note } from '../shared/terminal.ts';
import type { TrainOptions } from './options.ts';

const isResumable = (field: string): boolean =>
  Object.hasOwn(settings, field) && settingOf(field as SettingName).resumable;

interface Resumed {
  readonly run: RunDirectory;
  readonly checkpoint: Checkpoint;
}

interface Start {
  readonly config: RunConfig;
  /** Whether the user has left the batch size open, so that it may follow the number of images. */
  readonly anyBatch?: boolean;
  readonly resumed?: Resumed;
}

/** @throws ConfigError if a setting is wrong, or cannot change in a resumed run. */
export const startOf = (options: TrainOptions): Start =>
  options.resume === undefined ? startNew(options) : startFrom(options);

function startNew({ resume: _, out: __, ...given }: TrainOptions): Start {
  const resolved = { threads: defaultThreads(), ...resolveConfig(withAbsoluteData(given)) };
  // A flag that changes nothing is refused before its value is.
  checkEffect(given, resolved);
  return { config: checkConfig(resolved, given), anyBatch: given.batchSize === undefined };
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

/** The run may be resumed from another folder. */
const withAbsoluteData = ({ dataset, dataDir, ...given }: Partial<RunConfig>): Partial<RunConfig> => ({
  ...given,
  ...(dataset && { dataset: resolveDataset(dataset) }),
  ...(dataDir && { dataDir: path.resolve(dataDir) }),
});

/**
 * Finds everything that can be wrong with the settings or the data before anything is written.
 * @throws InputError or ConfigError if something is.
 */
export async function prepare(asked: RunConfig, engine: Engine, { resumed, anyBatch }: Start) {
  try {
    const earlier = resumed && {
      recorded: recordedSplit(resumed.run.folder),
      recordedChannels: channelsOf(resumed.checkpoint.imageShape),
      mayDiffer: false,
    };
    const dataset = await loadImages(asked, earlier);
    const config = anyBatch ? withBatchFor(dataset, asked) : asked;
    const model = createModel(config, dataset.imageShape);
    const trainer = new Trainer(engine, model, dataset);
    if (resumed !== undefined) trainer.restore(resumed.checkpoint, resumed.run.lastCheckpoint);
    if (config.batchSize !== asked.batchSize) {
      note(`batches of ${config.batchSize} instead of ${asked.batchSize}: there are no more training images`);
    }
    return { dataset, model, trainer };
  } catch (error) {
    // The settings of a resumed run were right when it began, so the data must have changed.
    if (resumed === undefined || !(error instanceof ConfigError)) throw error;
    throw new InputError(`${resumed.run.folder}: its data has changed: ${error.message}`);
  }
}

/** A batch is never larger than the training set. */
const withBatchFor = ({ train }: Dataset, config: RunConfig): RunConfig => ({
  ...config,
  batchSize: Math.min(config.batchSize, train.count),
});
