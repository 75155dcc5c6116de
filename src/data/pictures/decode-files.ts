/** Picture files of a folder as images of one shape, or what is wrong with them. */

import { InputError } from '../../base/errors.ts';
import { readFile } from '../../base/files.ts';
import { printable } from '../../base/words.ts';
import type { ImageShape } from '../dataset.ts';
import { pathOf } from '../folders/file-names.ts';
import { decodePicture, SharpMissingError } from './decode.ts';
import { fitPhoto } from './photo.ts';
import { BLACK } from './picture.ts';
import { isDrawn } from './png.ts';

/** Files of a folder, as images of a shape. */
export interface Job {
  readonly folder: string;
  readonly names: readonly string[];
  readonly shape: ImageShape;
}

export interface DecodedImage {
  readonly pixels: Uint8Array;
  readonly coloured: boolean;
  /** The share of the picture beyond the edges of the image, from 0 to 1. */
  readonly cutOff: number;
  /** Whether it is transparent and so light that white would hide it. */
  readonly onBlack: boolean;
  /** What in the file was ignored, in words. */
  readonly ignored?: string;
}

/** An image, or the reason why there is none. */
export type Decoded = DecodedImage | { readonly problem: string; readonly needsSharp: boolean };

export async function decodeFiles({ folder, names, shape }: Job): Promise<Decoded[]> {
  const decoded: Decoded[] = [];
  for (const name of names) decoded.push(await decodeFile(folder, name, shape));
  return decoded;
}

async function decodeFile(folder: string, name: string, shape: ImageShape): Promise<Decoded> {
  try {
    const content = readFile(pathOf(folder, name));
    if (isDrawn(content)) return { problem: `${printable(name)}: vae has drawn it; it is a result`, needsSharp: false };
    const picture = await decodePicture(content, name);
    const { pixels, coloured, cutOff, paper } = fitPhoto(picture, shape);
    const { ignored } = picture;
    return { pixels, coloured, cutOff, onBlack: paper === BLACK, ...(ignored !== undefined && { ignored }) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const needsSharp = error instanceof SharpMissingError;
    return { problem: needsSharp ? printable(name) : error.message, needsSharp };
  }
}
