/** A user's pictures, made like a model's images. */

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import { readFile } from '../../base/files.ts';
import type { ImageSet } from '../../data/dataset.ts';
import { decodePicture } from '../../data/decode.ts';
import { fitPicture } from '../../data/fit.ts';
import { fitOf } from '../../data/index.ts';
import { listImages } from '../../data/listing.ts';
import type { Fitted } from '../../data/photo.ts';
import type { Model } from '../../programs/programs.ts';
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

/** Reads pictures, makes them like the model's images, [count, D], and says how many were changed. */
export async function readPictures(files: readonly string[], model: Model): Promise<Uint8Array> {
  if (files.length === 1) return readPicture(files[0], model);
  const fitted: Fitted[] = [];
  for (const file of files) fitted.push(await fitFile(file, model));
  const changed = fitted.filter(({ notes }) => notes.length > 0).length;
  if (changed > 0) {
    const size = model.vae.config.imageShape.join(' × ');
    note(`${changed} of ${files.length} pictures were fitted to ${size}; vae reconstruct shows what is done to one`);
  }
  return Uint8Array.from(Buffer.concat(fitted.map(({ pixels }) => pixels)));
}

/** @throws InputError if the file cannot be read. */
export const fitFile = async (file: string, { config, vae }: Model): Promise<Fitted> =>
  fitPicture(await decodePicture(readFile(file), file), vae.config.imageShape, fitOf(config.dataset));

/**
 * The files named, and the pictures in and below the folders named, as training finds them.
 * @throws InputError if a folder has none.
 */
export function findPictures(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (!existsSync(name) || !statSync(name).isDirectory()) return [name];
    const { images, problems } = listImages(name);
    for (const problem of problems) note(`${name}: skipped ${problem}`);
    if (images.length === 0) throw new InputError(`${name}: there is no picture in this folder`);
    return images.map((image) => path.join(name, image.name));
  });
}

/** Pictures [count, D] as a set of images without labels. */
export const asSet = (images: Uint8Array, size: number): ImageSet => {
  const count = images.length / size;
  return { count, images, labels: new Uint8Array(count) };
};
