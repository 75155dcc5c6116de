/** The images that a command looks at: a user's files, or a part of the data that a model was trained on. */

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { firstImages, type ImageSet, type ImageShape, select } from '../data/dataset.ts';
import { type Fitted, fitDigit } from '../data/fit.ts';
import { loadDataset } from '../data/index.ts';
import { decodePng } from '../data/png.ts';
import { InputError } from '../errors.ts';
import { listFolder, readFile } from '../files.ts';
import type { Model } from '../training/programs.ts';
import { note } from './terminal.ts';

/** The parts of the data, as --split names them. */
export const SPLITS = ['test', 'validation', 'train'] as const;
export type Split = (typeof SPLITS)[number];

/**
 * A PNG as the model's images are, [D]; says what was done to it.
 * @throws InputError if it cannot be read.
 */
export function readPicture(file: string, shape: ImageShape): Uint8Array {
  const { pixels, notes } = fitFile(file, shape);
  for (const line of notes) note(`${file}: ${line}`);
  return pixels;
}

/** PNGs as the model's images are, [count, D]; says how many were not so already. */
export function readPictures(files: readonly string[], shape: ImageShape): Uint8Array {
  if (files.length === 1) return readPicture(files[0], shape);
  const fitted = files.map((file) => fitFile(file, shape));
  const changed = fitted.filter(({ notes }) => notes.length > 0).length;
  if (changed > 0) {
    const size = shape.join(' × ');
    note(
      `${changed} of ${files.length} pictures were fitted to ${size}; vae reconstruct says of one what is done to it`,
    );
  }
  return Uint8Array.from(Buffer.concat(fitted.map(({ pixels }) => pixels)));
}

const fitFile = (file: string, shape: ImageShape): Fitted => fitDigit(decodePng(readFile(file), file), shape);

/**
 * The files named, and those that end in .png in the folders named, in the order of their names.
 * @throws InputError if a folder has none.
 */
export function findPictures(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (!existsSync(name) || !statSync(name).isDirectory()) return [name];
    const found = listFolder(name).filter((entry) => entry.toLowerCase().endsWith('.png'));
    if (found.length === 0) throw new InputError(`${name}: there is no PNG in this folder`);
    return found.sort().map((entry) => path.join(name, entry));
  });
}

/**
 * The first images of a part of the data that a model was trained on, or all of them. `file` is for messages.
 * @throws InputError if the data is missing, or is of another size than the model's.
 */
export async function loadSplit(
  { config, vae }: Model,
  file: string,
  { split, limit, dataDir = config.dataDir }: { split: Split; limit?: number; dataDir?: string },
): Promise<ImageSet> {
  const dataset = await loadDataset({ ...config, binarise: config.binarize, ...(dataDir && { dataDir }) });
  const [has, needs] = [dataset.imageShape, vae.config.imageShape].map((shape) => shape.join(' × '));
  if (has !== needs) throw new InputError(`the images are ${has}, but ${file} was trained on ${needs}`);
  const set = dataset[split];
  if (set.count === 0) throw new InputError(`${file}: its run set no images aside for validation; use --split test`);
  return limit === undefined ? set : firstImages(set, limit);
}

/** The pixels of a set's images, [count, D], 0 to 255. */
export const pixelsOf = (set: ImageSet): Uint8Array =>
  select(
    set,
    Int32Array.from({ length: set.count }, (_, i) => i),
  ).images;
