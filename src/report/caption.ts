/** A picture with a line of text below it: a frame of an animation with its time. */

import type { Picture } from '../data/pictures/picture.ts';
import { Canvas } from './canvas.ts';
import { grey, WHITE } from './colours.ts';
import { CAPITAL_HEIGHT } from './font.ts';

const BACKGROUND = grey(64);
const MARGIN = 6;
const SCALE = 2;

/** Whether one channel is enough for a picture. */
export const isGrey = ({ rgba }: Picture): boolean =>
  rgba.every((value, i) => i % 4 === 3 || value === rgba[i - (i % 4)]);

/** The picture, without its opacity, above its caption. */
export function captioned({ width, height, rgba }: Picture, caption: string, channels: 1 | 3): Canvas {
  const canvas = new Canvas(width, height + 2 * MARGIN + SCALE * CAPITAL_HEIGHT, BACKGROUND, channels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) canvas.bytes[i * channels + c] = rgba[4 * i + c];
  }
  canvas.text(MARGIN, height + MARGIN, caption, { colour: WHITE, scale: SCALE });
  return canvas;
}
