/** Any picture file as pixels: by the package sharp, or, where that cannot be loaded, PNG by pngjs. */

import { InputError } from '../../base/errors.ts';
import { printable } from '../../base/words.ts';
import { formatOf, PNG } from './formats.ts';
import { type Picture, toBytes } from './picture.ts';
import { decodePng } from './png.ts';
import { aboutPng } from './png-structure.ts';
import { loadSharp, readWithSharp } from './sharp-reader.ts';

/** What to do where only PNG is read. */
export const WITHOUT_SHARP =
  'the package sharp cannot be loaded here; convert to PNG, or install vae again with its optional packages';

/** The file may be a good picture, but only sharp can tell. */
export class SharpMissingError extends InputError {}

/**
 * Decodes a picture, turned as its camera was held.
 * @throws SharpMissingError if it is no PNG and sharp cannot be loaded.
 * @throws InputError if it is damaged, too large, animated, or not a picture. Its message begins with `name`.
 */
export async function decodePicture(content: Buffer, name: string): Promise<Picture> {
  const label = printable(name);
  if (content.length === 0) throw new InputError(`${label}: the file is empty`);
  const format = formatOf(content);
  if (format === undefined) {
    throw new InputError(`${label}: expected a picture, but it is no PNG, JPEG, WebP or other format that can be read`);
  }
  if (format.instead !== undefined) {
    throw new InputError(`${label}: expected a picture, but it is ${format.name}; ${format.instead}`);
  }
  if (!format.read) throw new InputError(`${label}: it is ${format.name}, which is not read here; convert it to PNG`);
  const sharp = await loadSharp();
  if (sharp !== undefined) return readWithSharp(sharp, content, format, label);
  if (format !== PNG) throw new SharpMissingError(`${label}: it is ${format.name}: ${WITHOUT_SHARP}`);
  const { frames, gamma } = aboutPng(content);
  if (frames > 1) throw new InputError(`${label}: it is animated or has ${frames} pages; expected a single picture`);
  const picture = decodePng(content, label);
  return { ...picture, rgba: toBytes(picture.rgba, gamma) };
}
