/** The images that a command works on. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import { readFile } from '../../base/files.ts';
import {
  closeDataset,
  type Dataset,
  fingerprint,
  firstImages,
  type ImageSet,
  type ImageShape,
} from '../../data/dataset.ts';
import { hasRecorded, parseSplit, type RecordedSplit } from '../../data/folders/recorded-split.ts';
import { isKnown, loadDataset } from '../../data/index.ts';
import { evaluationImages } from '../../evaluation/bound.ts';
import type { RunConfig } from '../../settings/table.ts';
import type { LoadedModel } from './model.ts';
import type { PartOptions } from './options.ts';
import { type Bar, startBar } from './progress-bar.ts';
import { note } from './terminal.ts';

/** The images of an earlier run; others are taken only where they may differ. */
interface Earlier {
  readonly recorded: RecordedSplit | undefined;
  /** Of the run's images. */
  readonly recordedChannels: 1 | 3 | undefined;
  readonly mayDiffer: boolean;
}

/**
 * Loads a dataset and shows the progress.
 * @throws InputError or ConfigError if the images cannot be loaded.
 */
export async function loadImages(config: RunConfig, earlier?: Earlier): Promise<Dataset> {
  let bar: Bar | undefined;
  const progress = (title: string, done: number, total: number, unit: string) => {
    bar ??= startBar(title, total, done, unit);
    bar.update(done, {});
    if (done === total) {
      bar.stop();
      bar = undefined;
    }
  };
  try {
    return await loadDataset({ ...config, binarise: config.binarize, ...earlier }, { note, progress });
  } catch (error) {
    throw earlier === undefined ? error : withWayOut(error);
  } finally {
    bar?.stop();
  }
}

/** A run's folder of images that is gone may only have moved. */
function withWayOut(error: unknown): unknown {
  if (!(error instanceof InputError) || error.details.field !== 'dataset' || existsSync(String(error.details.value))) {
    return error;
  }
  return new InputError(`${error.problem} (it may have moved)`, {
    ...error.details,
    remedies: [{ field: 'dataDir', value: '<folder>' }],
  });
}

/** Where a run's images are, if the folder of a run on a folder of images is named anew. */
export const placedAt = (config: RunConfig, dataDir: string | undefined): RunConfig => {
  if (dataDir === undefined) return config;
  const { dataDir: _, ...rest } = config;
  const place = path.resolve(dataDir);
  return isKnown(config.dataset) ? { ...config, dataDir: place } : { ...rest, dataset: place };
};

/** How many channels images of a shape have. */
export const channelsOf = ([channels]: ImageShape): 1 | 3 | undefined =>
  channels === 1 || channels === 3 ? channels : undefined;

export const SPLIT = 'split.json';

/** What the run in this folder has recorded of its images, if anything: runs on known datasets and old ones have not. */
export function recordedSplit(run: string): RecordedSplit | undefined {
  const file = path.join(run, SPLIT);
  return existsSync(file) ? parseSplit(readFile(file).toString(), file) : undefined;
}

/** The folder of the run that a checkpoint is in, if it is in one. */
export const runOf = (checkpoint: string): string => path.join(path.dirname(checkpoint), '..');

/** The images of one part of a dataset, ready for a model. */
export interface Part {
  readonly set: ImageSet;
  readonly classes: readonly string[];
  /** Whether it is the whole part, not the first images of it. */
  readonly whole: boolean;
}

/**
 * Works with the images of one part of a model's dataset, and closes it.
 * @throws InputError if there are none, their shape is not the model's, or they are others than it was trained on; others
 *   are taken, and the user is told, from a folder that is named anew.
 */
export async function withPart<Result>(
  { file, checkpoint, model }: Pick<LoadedModel, 'file' | 'checkpoint' | 'model'>,
  { split, limit = Number.POSITIVE_INFINITY, dataDir }: PartOptions,
  work: (part: Part) => Promise<Result>,
): Promise<Result> {
  const { config, vae } = model;
  const mayDiffer = dataDir !== undefined;
  const recorded = recordedSplit(runOf(file));
  const dataset = await loadImages(placedAt(config, dataDir), {
    recorded,
    recordedChannels: channelsOf(vae.config.imageShape),
    mayDiffer,
  });
  try {
    const [has, needs] = [dataset.imageShape, vae.config.imageShape].map((shape) => shape.join(' × '));
    if (has !== needs) throw new InputError(`the images are ${has}, but ${file} was trained on ${needs}`);
    checkSame({ file, before: checkpoint.data, dataset, isFolder: !isKnown(config.dataset), recorded, mayDiffer });
    const all = dataset[split];
    if (all.count === 0) throw new InputError(`${file}: its run set no images aside for validation; use --split test`);
    const set = evaluationImages(firstImages(all, limit), config);
    return await work({ set, classes: dataset.classes, whole: set.count === all.count });
  } finally {
    closeDataset(dataset);
  }
}

interface Compared {
  readonly file: string;
  /** Fingerprint of the images that the checkpoint was trained on; checkpoints of the first version have none. */
  readonly before: string;
  readonly dataset: Dataset;
  readonly isFolder: boolean;
  readonly recorded: RecordedSplit | undefined;
  readonly mayDiffer: boolean;
}

/** Whether the images at hand are those that a checkpoint was trained on. */
function checkSame({ file, before, dataset, isFolder, recorded, mayDiffer }: Compared): void {
  const now = fingerprint(dataset);
  if (before === '' || before === now) return;
  const changes = `it was ${before}, and is ${now}`;
  // A split whose images are all there, and are not the checkpoint's, is that of another run.
  const isForeign = recorded !== undefined && hasRecorded(dataset, recorded);
  if (!mayDiffer) {
    const problem = isForeign
      ? `the ${SPLIT} beside it is that of another run: its data ${changes}; put the checkpoint back`
      : `the data has changed since it was trained: ${changes}; put it back`;
    throw new InputError(`${file}: ${problem}`, {
      remedies: [{ verb: 'or use', field: 'dataDir', value: '<folder>' }],
    });
  }
  // Other images than the recorded ones were reported when they were loaded.
  if (recorded !== undefined && !isForeign) return;
  const unknown = `; which of them it was trained on is not known here: the run's ${SPLIT} is not beside the checkpoint`;
  note(`these are other images than those that the model was trained on: ${changes}${isFolder ? unknown : ''}`);
}
