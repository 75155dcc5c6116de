/** A user's pictures, made like a model's images. */

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, InputError } from '../../base/errors.ts';
import { readFile } from '../../base/files.ts';
import { printable } from '../../base/words.ts';
import type { ImageSet, ImageShape } from '../../data/dataset.ts';
import { pathOf } from '../../data/folders/file-names.ts';
import { listImages } from '../../data/folders/listing.ts';
import { fitOf } from '../../data/index.ts';
import { decodePicture } from '../../data/pictures/decode.ts';
import { fitPicture } from '../../data/pictures/fit.ts';
import { type Fitted, fitPhoto } from '../../data/pictures/photo.ts';
import { middleOf } from '../../data/pictures/picture.ts';
import type { Model } from '../../programs/programs.ts';
import { halvingsTo } from '../../vae/latent-map.ts';
import { note } from './terminal.ts';

/**
 * Reads a picture, makes it like the model's images, [D], and says what was done to it.
 * @throws InputError if it cannot be read.
 */
export async function readPicture(file: string, model: Model): Promise<Uint8Array> {
  const { pixels, notes } = await fitFile(file, model);
  for (const line of notes) note(`${file}: ${line}`);
  return pixels;
}

/** A picture file, by the name that people know it by. */
export interface FoundPicture {
  readonly name: string;
  readonly file: string | Buffer;
  /** Whether it was named itself, and not only its folder. */
  readonly isNamed: boolean;
}

/**
 * Reads pictures, makes them like the model's images, [count, D], and says how many were changed. One of a folder that
 * cannot be read is left out, with a line, as in training.
 * @throws InputError if one that was named cannot be read, or none can.
 */
export async function readPictures(found: readonly FoundPicture[], model: Model) {
  const read: { readonly name: string; readonly fitted: Fitted }[] = [];
  for (const { name, file, isNamed } of found) {
    try {
      read.push({ name, fitted: await fitFile(file, model, name) });
    } catch (error) {
      if (isNamed || !(error instanceof InputError)) throw error;
      note(`skipped ${error.message}`);
    }
  }
  if (read.length === 0) throw new InputError(`none of the ${found.length} pictures can be read`);
  const [only] = read;
  const changed = read.filter(({ fitted }) => fitted.notes.length > 0).length;
  if (read.length === 1) for (const line of only.fitted.notes) note(`${only.name}: ${line}`);
  else if (changed > 0) {
    const size = model.vae.config.imageShape.join(' × ');
    note(`${changed} of ${read.length} pictures were fitted to ${size}; vae reconstruct shows what is done to one`);
  }
  const pixels = new Uint8Array(Buffer.concat(read.map(({ fitted }) => fitted.pixels)));
  return { pixels, names: read.map(({ name }) => name) };
}

/** @throws InputError if the file cannot be read. */
export const fitFile = async (file: string | Buffer, { config, vae }: Model, name = String(file)): Promise<Fitted> =>
  fitPicture(await decodePicture(readFile(file), name), vae.config.imageShape, fitOf(config.dataset));

/** A picture at its own size, for a model of such images. */
export interface OwnSize {
  readonly fitted: Fitted;
  readonly imageShape: ImageShape;
}

/**
 * Reads a picture and cuts off what does not make whole cells of the model's map of latents, a few pixels at most.
 * @throws InputError if it cannot be read, or is smaller than a cell; ConfigError if the model has no map of latents.
 */
export async function readAtOwnSize(file: string, { config, vae }: Model): Promise<OwnSize> {
  const [channels] = vae.config.imageShape;
  const { latent } = config;
  if (typeof latent === 'number') {
    throw new ConfigError('needs a model with a map of latents; vae train --latent 8x8x16 makes one', {
      field: 'ownSize',
    });
  }
  const cell = 2 ** halvingsTo(latent, vae.config.imageShape, config.kernel);
  const picture = await decodePicture(readFile(file), file);
  const [rows, columns] = [picture.height, picture.width].map((side) => cell * Math.floor(side / cell));
  if (Math.min(rows, columns) === 0) {
    throw new InputError(
      `${file}: ${picture.width} × ${picture.height} is smaller than a cell of the map of latents, ${cell} × ${cell}`,
    );
  }
  const imageShape = [channels, rows, columns] as const;
  const fitted = fitPhoto(middleOf(picture, columns, rows), imageShape);
  const isCut = rows !== picture.height || columns !== picture.width;
  const cut = isCut ? [`cut from ${picture.width} × ${picture.height} to whole cells, ${columns} × ${rows}`] : [];
  return { fitted: { ...fitted, notes: [...cut, ...fitted.notes] }, imageShape };
}

/**
 * The files named, and the pictures in and below the folders named, as training finds them.
 * @throws InputError if a folder has none.
 */
export function findPictures(names: readonly string[]): FoundPicture[] {
  return names.flatMap((name): FoundPicture[] => {
    if (!existsSync(name) || !statSync(name).isDirectory()) return [{ name, file: name, isNamed: true }];
    const { images, problems } = listImages(name);
    for (const problem of problems) note(`${name}: skipped ${problem}`);
    if (images.length === 0) throw new InputError(`${name}: there is no picture in this folder`);
    return images.map((image) => ({
      name: path.join(name, printable(image.name)),
      file: pathOf(name, image.name),
      isNamed: false,
    }));
  });
}

/** Pictures [count, D] as a set of images without labels. */
export const asSet = (images: Uint8Array, size: number): ImageSet => {
  const count = images.length / size;
  return { count, images, labels: new Uint8Array(count) };
};
