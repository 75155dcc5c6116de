/** Images in rows and columns, as one PNG. */

import type { ImageShape } from '../data/dataset.ts';
import { encodePng } from '../data/png.ts';

/** Pixels between images and around them. */
const GAP = 2;
const GAP_GREY = 64;
/** Small images are drawn larger, so that a person can see them: up to this side, unless another is asked for. */
const READABLE_SIDE = 56;

/**
 * Draws images [count, C, H, W] in [0, 1], `columns` a row, from left to right and top to bottom.
 * Values outside [0, 1] are drawn as the nearest end.
 */
export function drawGrid(
  images: Float32Array,
  [channels, height, width]: ImageShape,
  columns: number,
  side = READABLE_SIDE,
): Buffer {
  const pixels = channels * height * width;
  const count = images.length / pixels;
  const rows = Math.ceil(count / columns);
  const zoom = Math.max(1, Math.floor(side / Math.max(height, width)));
  const [cellWidth, cellHeight] = [width * zoom + GAP, height * zoom + GAP];
  const [fullWidth, fullHeight] = [columns * cellWidth + GAP, rows * cellHeight + GAP];
  const depth = channels === 3 ? 3 : 1;
  const bytes = new Uint8Array(fullWidth * fullHeight * depth).fill(GAP_GREY);
  for (let image = 0; image < count; image++) {
    const left = GAP + (image % columns) * cellWidth;
    const top = GAP + Math.floor(image / columns) * cellHeight;
    for (let y = 0; y < height * zoom; y++) {
      for (let x = 0; x < width * zoom; x++) {
        const at = ((top + y) * fullWidth + left + x) * depth;
        const from = image * pixels + Math.floor(y / zoom) * width + Math.floor(x / zoom);
        for (let c = 0; c < depth; c++) bytes[at + c] = toByte(images[from + c * height * width]);
      }
    }
  }
  return encodePng(fullWidth, fullHeight, depth, bytes);
}

const toByte = (value: number): number => Math.round(255 * Math.min(1, Math.max(0, value)));

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

/** The number of columns that makes a grid of `count` images nearest to square: 7 for 49. */
export const squareColumns = (count: number): number => Math.ceil(Math.sqrt(count));
