/** The reconstruction history: one row per image: the original, then its reconstruction after each epoch. */

import { InputError } from '../base/errors.ts';
import { type ImageShape, pixelsOf } from '../data/dataset.ts';
import { decodePng, encodePng, markAsDrawn } from '../data/pictures/png.ts';
import { layGrid } from './grid.ts';

/** Columns, with the originals; more would be too wide to look at. */
const MOST_COLUMNS = 50;
/** Pixels of the whole picture, as long as it has a few columns: it is drawn again and again while a run goes on. */
const MOST_PIXELS = 6e6;
const FEWEST_COLUMNS = 6;

/** At most `most` of the numbers 0 to count − 1, evenly spaced, the first and the last included. */
export function evenly(count: number, most: number): number[] {
  const kept = Math.min(count, most);
  return Array.from({ length: kept }, (_, i) => (kept === 1 ? count - 1 : Math.round((i * (count - 1)) / (kept - 1))));
}

/** The epochs that have a column where all would be too many, evenly spaced, the first and the last included. */
export function shownEpochs(epochs: readonly number[], rows: number, shape: ImageShape): number[] {
  const [, height, width] = shape;
  const room = Math.floor(MOST_PIXELS / (rows * height * width));
  const columns = Math.min(MOST_COLUMNS, Math.max(FEWEST_COLUMNS, room));
  return evenly(epochs.length, columns - 1).map((i) => epochs[i]);
}

/** The same images at one time. */
export interface Column {
  readonly name: string;
  /** [rows, C, H, W] in [0, 1] */
  readonly images: Float32Array;
}

/** Draws columns side by side: the originals, then one for each epoch. */
export function drawHistory(columns: readonly Column[], shape: ImageShape, rowNames: readonly string[] = []): Buffer {
  const pixels = pixelsOf(shape);
  const [{ images: originals }] = columns;
  const images = new Float32Array(columns.length * originals.length);
  for (let row = 0; row * pixels < originals.length; row++) {
    columns.forEach((column, i) => {
      images.set(column.images.subarray(row * pixels, (row + 1) * pixels), (row * columns.length + i) * pixels);
    });
  }
  const columnNames = columns.map(({ name }) => name);
  return layGrid(images, shape, { columns: columns.length, columnNames, rowNames }).png();
}

const depthOf = ([channels]: ImageShape): 1 | 3 => (channels === 3 ? 3 : 1);

/** One column as a PNG of its own, without borders, from which `decodeColumn` gets it back to the byte. */
export function encodeColumn(images: Float32Array, shape: ImageShape): Buffer {
  const [, height, width] = shape;
  const [depth, plane, pixels] = [depthOf(shape), height * width, pixelsOf(shape)];
  const count = images.length / pixels;
  const bytes = new Uint8Array(count * plane * depth);
  for (let i = 0; i < count * plane; i++) {
    for (let c = 0; c < depth; c++) {
      const value = images[Math.floor(i / plane) * pixels + c * plane + (i % plane)];
      bytes[i * depth + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  }
  return markAsDrawn(encodePng(width, count * height, depth, bytes));
}

/**
 * @param name of the file, for messages
 * @throws InputError if it is no PNG, or not one of a column of such images.
 */
export function decodeColumn(png: Buffer, shape: ImageShape, name: string): Float32Array {
  const { width, height, rgba } = decodePng(png, name);
  const [, imageHeight, imageWidth] = shape;
  const [plane, pixels] = [imageHeight * imageWidth, pixelsOf(shape)];
  if (width !== imageWidth || height % imageHeight !== 0) {
    throw new InputError(`${name}: expected images of ${shape.join(' × ')} one below the other; delete it to go on`);
  }
  const images = new Float32Array((height / imageHeight) * pixels);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < shape[0]; c++) {
      images[Math.floor(i / plane) * pixels + c * plane + (i % plane)] = rgba[4 * i + c] / 255;
    }
  }
  return images;
}
