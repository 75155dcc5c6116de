/** The images that a command works on. */

import { InputError } from '../../base/errors.ts';
import { closeDataset, type Dataset, firstImages, type ImageSet } from '../../data/dataset.ts';
import { loadDataset } from '../../data/index.ts';
import { evaluationImages } from '../../evaluation/bound.ts';
import type { Model } from '../../programs/programs.ts';
import type { RunConfig } from '../../settings/table.ts';
import type { PartOptions } from './options.ts';
import { type Bar, startBar } from './progress-bar.ts';
import { note } from './terminal.ts';

/**
 * Loads a dataset and shows the progress.
 * @throws InputError or ConfigError if the images cannot be loaded.
 */
export async function loadImages(config: RunConfig): Promise<Dataset> {
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
    return await loadDataset({ ...config, binarise: config.binarize }, { note, progress });
  } finally {
    bar?.stop();
  }
}

/** The images of one part of a dataset, ready for a model. */
export interface Part {
  readonly set: ImageSet;
  readonly classes: readonly string[];
  /** Whether it is the whole part, not the first images of it. */
  readonly whole: boolean;
}

/**
 * Works with the images of one part of a model's dataset, and closes it. `file` is its checkpoint, for messages.
 * @throws InputError if there are none, or their shape is not the model's.
 */
export async function withPart<Result>(
  file: string,
  { config, vae }: Model,
  { split, limit = Number.POSITIVE_INFINITY, dataDir }: PartOptions,
  work: (part: Part) => Promise<Result>,
): Promise<Result> {
  const dataset = await loadImages({ ...config, ...(dataDir && { dataDir }) });
  try {
    const [has, needs] = [dataset.imageShape, vae.config.imageShape].map((shape) => shape.join(' × '));
    if (has !== needs) throw new InputError(`the images are ${has}, but ${file} was trained on ${needs}`);
    const all = dataset[split];
    if (all.count === 0) throw new InputError(`${file}: its run set no images aside for validation; use --split test`);
    const set = evaluationImages(firstImages(all, limit), config);
    return await work({ set, classes: dataset.classes, whole: set.count === all.count });
  } finally {
    closeDataset(dataset);
  }
}
