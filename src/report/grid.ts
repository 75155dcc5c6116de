/** Images in rows and columns, as one PNG, with names of rows and columns if they are given. */

import { type ImageShape, pixelsOf } from '../data/dataset.ts';
import { Canvas } from './canvas.ts';
import { grey, WHITE } from './colours.ts';
import { CAPITAL_HEIGHT, GLYPH_HEIGHT, textWidth, wrap } from './font.ts';

/** Pixels between images and around them. */
const GAP = 2;
const BACKGROUND = grey(64);
/** Small images are drawn larger, so that a person can see them: to about this side, unless another is asked for. */
const READABLE_SIDE = 56;
/** Pixels around a text. */
const MARGIN = 6;
/** From one line of a title to the next. */
const LINE = 2 * (GLYPH_HEIGHT + 1);
/** Columns may be this much wider so that their names are as large as those of rows. */
const WIDENED = 1.15;
/** Pixels, at scale 1. */
const BETWEEN_NAMES = 3;
/** A grid with a title is at least this wide, so that the title has room. */
const NARROWEST_TITLE = 240;

export interface GridOptions {
  readonly columns: number;
  /** Pixels that an image's longer side is drawn in, or nearly: each pixel is repeated a whole number of times. */
  readonly side?: number;
  readonly title?: string;
  /** Left of each row. */
  readonly rowNames?: readonly string[];
  /** Above each column. */
  readonly columnNames?: readonly string[];
}

/** Lays out images [count, C, H, W] in [0, 1] from left to right and top to bottom, on a canvas of the size they need. */
export function layGrid(images: Float32Array, shape: ImageShape, options: GridOptions): Canvas {
  const { columns, side = READABLE_SIDE, title, rowNames = [], columnNames = [] } = options;
  const [channels, height, width] = shape;
  const pixels = pixelsOf(shape);
  const count = images.length / pixels;
  const zoom = Math.max(1, Math.round(side / Math.max(height, width)));
  const widestName = Math.max(0, ...columnNames.map((name) => textWidth(name) + BETWEEN_NAMES));
  const columnScale = 2 * widestName <= WIDENED * width * zoom ? 2 : 1;
  const narrowest = Math.max(width * zoom, columnScale * widestName);
  const [cellWidth, cellHeight] = [narrowest + GAP, height * zoom + GAP];
  const indent = Math.floor((narrowest - width * zoom) / 2);
  const rowsWidth = rowNames.length === 0 ? 0 : 2 * MARGIN + 2 * Math.max(...rowNames.map(textWidth));
  const left = GAP + rowsWidth;
  const fullWidth = Math.max(left + columns * cellWidth, title === undefined ? 0 : NARROWEST_TITLE);
  const titleLines = title === undefined ? [] : wrap(title, (fullWidth - 2 * MARGIN) / 2);
  const titleHeight = titleLines.length * LINE + (title === undefined ? 0 : MARGIN);
  const namesHeight = columnNames.length === 0 ? 0 : 2 * MARGIN + columnScale * CAPITAL_HEIGHT;
  const top = GAP + titleHeight + namesHeight;

  const canvas = new Canvas(
    fullWidth,
    top + Math.ceil(count / columns) * cellHeight,
    BACKGROUND,
    channels === 3 ? 3 : 1,
  );
  titleLines.forEach((line, i) => {
    canvas.text(MARGIN, MARGIN + i * LINE, line, { colour: WHITE, scale: 2 });
  });
  columnNames.forEach((name, column) => {
    const centre = left + (column + 0.5) * cellWidth - GAP / 2;
    canvas.text(centre, titleHeight + MARGIN, name, { colour: WHITE, scale: columnScale, align: 'centre' });
  });
  rowNames.forEach((name, row) => {
    const y = top + (row + 0.5) * cellHeight - GAP / 2 - CAPITAL_HEIGHT;
    canvas.text(left - GAP - MARGIN, y, name, { colour: WHITE, scale: 2, align: 'right' });
  });
  for (let i = 0; i < count; i++) {
    const [x, y] = [left + indent + (i % columns) * cellWidth, top + Math.floor(i / columns) * cellHeight];
    canvas.image(images.subarray(i * pixels, (i + 1) * pixels), shape, x, y, zoom);
  }
  return canvas;
}

/** A grid as a PNG, `columns` images per row. */
export const drawGrid = (images: Float32Array, shape: ImageShape, columns: number, side?: number): Buffer =>
  layGrid(images, shape, { columns, ...(side !== undefined && { side }) }).png();

/** Originals and reconstructions, [count, D] each, as pairs: original, reconstruction, original, ... */
export function interleave(originals: Float32Array, reconstructions: Float32Array, pixels: number): Float32Array {
  const pairs = new Float32Array(2 * originals.length);
  for (let i = 0; i * pixels < originals.length; i++) {
    const part = [i * pixels, (i + 1) * pixels] as const;
    pairs.set(originals.subarray(...part), 2 * i * pixels);
    pairs.set(reconstructions.subarray(...part), (2 * i + 1) * pixels);
  }
  return pairs;
}

/** Images one after another. */
export function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The number of columns that makes a grid of `count` images nearest to square: 7 for 49. */
export const squareColumns = (count: number): number => Math.ceil(Math.sqrt(count));
