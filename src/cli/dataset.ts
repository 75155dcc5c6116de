/** Images for a command: loaded while a bar tells how it goes, and those of one part that a model can be measured on. */

import { InputError } from '../base/errors.ts';
import { type Dataset, firstImages, type ImageSet } from '../data/dataset.ts';
import { loadDataset } from '../data/index.ts';
import { measured } from '../evaluation/bound.ts';
import type { Model } from '../programs/programs.ts';
import type { RunConfig } from '../settings/table.ts';
import type { Split } from './options.ts';
import { type Bar, note, startBar } from './terminal.ts';

/** @throws InputError or ConfigError where the images cannot be had. */
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

export interface PartOptions {
  readonly split: Split;
  readonly limit?: number;
  readonly dataDir?: string;
}

/**
 * The images of one part of a model's dataset. `file` is its checkpoint, for messages.
 * @throws InputError where there are none, or they are of another shape.
 */
export async function loadPart(
  file: string,
  { config, vae }: Model,
  { split, limit = Number.POSITIVE_INFINITY, dataDir }: PartOptions,
): Promise<{ readonly dataset: Dataset; readonly set: ImageSet }> {
  const dataset = await loadImages({ ...config, ...(dataDir && { dataDir }) });
  if (dataset.imageShape.join() !== vae.config.imageShape.join()) {
    const [has, needs] = [dataset.imageShape, vae.config.imageShape].map((shape) => shape.join(' × '));
    throw new InputError(`the images are ${has}, but ${file} was trained on ${needs}`);
  }
  const whole = dataset[split];
  if (whole.count === 0) throw new InputError(`${file}: its run set no images aside for validation; use --split test`);
  return { dataset, set: measured(firstImages(whole, limit), config) };
}
