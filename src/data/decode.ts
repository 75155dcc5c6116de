/** Any picture file as pixels: PNG by this program, other formats by the package sharp if it is installed. */

import { InputError } from '../base/errors.ts';
import { printable } from './listing.ts';
import type { Picture } from './picture.ts';
import { decodePng, formatOf, isPng } from './png.ts';
import { MOST_PIXELS } from './png-structure.ts';

export const INSTALL_SHARP = 'npm install sharp';

/** The file may be a good picture, but only sharp can tell. */
export class SharpMissingError extends InputError {}

/** @throws SharpMissingError if the optional package is not installed; `name` and `format` are for the message. */
async function loadSharp(name: string, format: string): Promise<typeof import('sharp')['default']> {
  try {
    const { default: sharp } = await import('sharp');
    // Each file is read once, so there is nothing to cache.
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
 * Decodes a picture, rotated as its camera was held.
 * @throws SharpMissingError if it is no PNG and sharp is not installed.
 * @throws InputError if it is damaged, too large, animated, or not a picture. Its message begins with `name`.
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
      `${label}: it is ${format} that cannot be read (${reason}); get a new copy, or convert it to PNG`,
    );
  }
}

/** An animated PNG names its number of frames before its first pixels. */
function isAnimated(png: Buffer): boolean {
  const frames = png.indexOf('acTL');
  return frames >= 0 && frames < png.indexOf('IDAT');
}
