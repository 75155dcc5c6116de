/** The reconstruction history: a row an image, the original first, then what each epoch made of it. */

import { type ImageShape, pixelsOf } from '../data/dataset.ts';
import { layGrid } from './grid.ts';

/** With the originals; more would be too wide to look at. */
const MOST_COLUMNS = 50;

/** At most `most` of 0 to count − 1, evenly apart, the first and the last among them. */
export function evenly(count: number, most: number): number[] {
  const kept = Math.min(count, most);
  return Array.from({ length: kept }, (_, i) => (kept === 1 ? count - 1 : Math.round((i * (count - 1)) / (kept - 1))));
}

/**
 * Draws columns of the same images, [images, C, H, W] in [0, 1] each: the originals, then one column an epoch, beginning
 * with `firstEpoch`. Of many epochs it shows some, evenly apart, the first and the last among them.
 */
export function drawHistory(columns: readonly Float32Array[], shape: ImageShape, firstEpoch = 1): Buffer {
  const pixels = pixelsOf(shape);
  const [originals, ...epochs] = columns;
  const shown = evenly(epochs.length, MOST_COLUMNS - 1);
  const kept = [originals, ...shown.map((epoch) => epochs[epoch])];
  const images = new Float32Array(kept.length * originals.length);
  for (let row = 0; row * pixels < originals.length; row++) {
    kept.forEach((column, i) => {
      images.set(column.subarray(row * pixels, (row + 1) * pixels), (row * kept.length + i) * pixels);
    });
  }
  const columnNames = ['original', ...shown.map((epoch) => String(firstEpoch + epoch))];
  return layGrid(images, shape, { columns: kept.length, columnNames }).png();
}
