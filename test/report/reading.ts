/** Reads what was drawn: colours of pixels, and text. */

import type { Picture } from '../../src/data/pictures/picture.ts';
import { decodePng } from '../../src/data/pictures/png.ts';
import { Canvas, type Raster } from '../../src/report/canvas.ts';
import type { Colour } from '../../src/report/colours.ts';
import { textWidth } from '../../src/report/font.ts';

export const decoded = (png: Buffer): Picture => decodePng(png, 'a test');

/** [red, green, blue] of a pixel. */
export function pixel({ width, rgba }: Picture, x: number, y: number): Colour {
  const at = 4 * (y * width + x);
  return [rgba[at], rgba[at + 1], rgba[at + 2]];
}

/** A part of a picture. */
export function crop(picture: Picture, left: number, top: number, width: number, height: number): Picture {
  const rows = Array.from({ length: height }, (_, y) => {
    const start = 4 * ((top + y) * picture.width + left);
    return picture.rgba.subarray(start, start + 4 * width);
  });
  return { width, height, rgba: new Uint8Array(Buffer.concat(rows)) };
}

/** How many pixels have exactly a colour. */
export function countPixels(picture: Picture, colour: Colour): number {
  let count = 0;
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) if (same(pixel(picture, x, y), colour)) count++;
  }
  return count;
}

const same = (a: Colour, b: Colour): boolean => a.every((part, i) => part === b[i]);

/** The left top corner of a text in the picture, in whatever colour it is drawn; undefined where it is not to be read. */
export function findText(picture: Picture, text: string, scale = 2): { x: number; y: number } | undefined {
  const [width, height] = [textWidth(text) * scale, 9 * scale];
  const stencil = new Canvas(width, height, [255, 255, 255], 1);
  stencil.text(0, 0, text, { scale });
  const ink = inkOf(stencil);
  const [firstX, firstY] = [ink.indexOf(true) % width, Math.floor(ink.indexOf(true) / width)];
  for (let y = 0; y + height <= picture.height; y++) {
    for (let x = 0; x + width <= picture.width; x++) {
      const colour = pixel(picture, x + firstX, y + firstY);
      if (ink.every((set, i) => same(pixel(picture, x + (i % width), y + Math.floor(i / width)), colour) === set)) {
        return { x, y };
      }
    }
  }
  return undefined;
}

const inkOf = ({ bytes }: Raster): boolean[] => Array.from(bytes, (value) => value === 0);
