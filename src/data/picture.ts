/** Pictures as they are shown: what is in them, and their pixels on a white page, in grey or in colour. */

import type { Rows } from './resample.ts';

/** 8 bits per channel, [height, width, 4]: red, green, blue, opacity. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

const WHITE = 255;

/** Whether any pixel of a picture is coloured and visible, and whether any is transparent. */
export function inspect({ rgba }: Picture): { readonly coloured: boolean; readonly transparent: boolean } {
  let [coloured, transparent] = [false, false];
  for (let i = 0; i < rgba.length && !(coloured && transparent); i += 4) {
    coloured ||= (rgba[i] !== rgba[i + 1] || rgba[i + 1] !== rgba[i + 2]) && rgba[i + 3] !== 0;
    transparent ||= rgba[i + 3] !== 255;
  }
  return { coloured, transparent };
}

/**
 * A picture's rows as numbers from 0 to 255, in colour or, as the luma of Rec. 709, in grey. Transparent pictures
 * are put on white, where they are usually seen.
 */
export function rowsOf({ width, height, rgba }: Picture, channels: 1 | 3): Rows {
  const read = (y: number, out: Float32Array): void => {
    for (let x = 0, from = 4 * y * width; x < width; x++, from += 4) {
      const [red, green, blue] = [rgba[from], rgba[from + 1], rgba[from + 2]];
      const opacity = rgba[from + 3] / 255;
      if (channels === 3) {
        out[3 * x] = WHITE + (red - WHITE) * opacity;
        out[3 * x + 1] = WHITE + (green - WHITE) * opacity;
        out[3 * x + 2] = WHITE + (blue - WHITE) * opacity;
      } else {
        // A grey pixel keeps its exact value.
        const luma = red === green && green === blue ? red : 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        out[x] = WHITE + (luma - WHITE) * opacity;
      }
    }
  };
  return { width, height, channels, read };
}
