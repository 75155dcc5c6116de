/** Any picture file as pixels: PNG by itself, what else there is by the package sharp where that is installed. */

import { InputError } from '../base/errors.ts';
import { printable } from './listing.ts';
import type { Picture } from './picture.ts';
import { decodePng, formatOf, isPng } from './png.ts';
import { MOST_PIXELS } from './png-structure.ts';

export const INSTALL_SHARP = 'npm install sharp';

/** It may be a good picture, but only sharp could tell. */
export class SharpMissingError extends InputError {}

/** @throws SharpMissingError where the optional package is not installed; `name` and `format` are for its message. */
async function loadSharp(name: string, format: string): Promise<typeof import('sharp')['default']> {
  try {
    const { default: sharp } = await import('sharp');
    // One file after the other, each read once: nothing is worth keeping.
    sharp.cache(false);
    return sharp;
  } catch {
    throw new SharpMissingError(`${name}: it is ${format}, which the package sharp can read: ${INSTALL_SHARP}`);
  }
}

export const isSharpInstalled = (): Promise<boolean> =>
  loadSharp('', '').then(
    () => true,
    () => false,
  );

/**
 * Decodes a picture, turned the way its camera was held.
 * @throws SharpMissingError if it is no PNG and sharp is not installed.
 * @throws InputError if it is damaged, too large, animated, or no picture. Its message begins with `name`.
 */
export async function decodePicture(content: Buffer, name: string): Promise<Picture> {
  const label = printable(name);
  if (content.length === 0) throw new InputError(`${label}: the file is empty`);
  if (isPng(content)) {
    if (isAnimated(content)) throw new InputError(`${label}: it is animated; expected a single picture`);
    return decodePng(content, label);
  }
  const format = formatOf(content);
  const sharp = await loadSharp(label, format);
  try {
    const image = sharp(content, { limitInputPixels: MOST_PIXELS, failOn: 'error' });
    const { pages = 1 } = await image.metadata();
    if (pages > 1) throw new InputError(`${label}: it is animated or has ${pages} pages; expected a single picture`);
    const pixels = image.rotate().toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' });
    const { data, info } = await pixels.toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, rgba: data };
  } catch (error) {
    if (error instanceof InputError) throw error;
    const [reason] = (error as Error).message.split('\n');
    if (/unsupported image format/.test(reason)) {
      throw new InputError(
        `${label}: expected a picture, but it is no PNG, JPEG, WebP or other format that can be read`,
      );
    }
    throw new InputError(
      `${label}: it is ${format} that cannot be read (${reason}); get it anew, or convert it to PNG`,
    );
  }
}

/** An animated PNG announces its frames before its first pixels. */
function isAnimated(png: Buffer): boolean {
  const frames = png.indexOf('acTL');
  return frames >= 0 && frames < png.indexOf('IDAT');
}
