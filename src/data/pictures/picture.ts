/** Pictures as they are shown: what is in them, and their pixels on a sheet of paper, in grey or in colour. */

import type { Rows } from './resample.ts';

/** 8 bits per channel, [height, width, 4]: red, green, blue, opacity. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
  /** What in the file was ignored, in words, because sharp could not be loaded. */
  readonly ignored?: string;
}

/** The middle of a picture; it may be no larger than the picture. */
export function middleOf({ rgba, ...picture }: Picture, width: number, height: number): Picture {
  const left = Math.floor((picture.width - width) / 2);
  const top = Math.floor((picture.height - height) / 2);
  const cut = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 4 * ((top + y) * picture.width + left);
    cut.set(rgba.subarray(from, from + 4 * width), 4 * y * width);
  }
  return { ...picture, width, height, rgba: cut };
}

export const WHITE = 255;
export const BLACK = 0;
/** The brightness of what a transparent picture is laid on. */
export type Paper = typeof WHITE | typeof BLACK;

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
 * The paper that shows what is drawn on a transparent picture: white, unless the mean luma of all that is visible,
 * weighted by its opacity, is above `lightest`. At the middle of the range this is the paper that differs more from
 * the ink as a whole. An opaque picture hides its paper.
 */
export function paperOf({ rgba }: Picture, lightest: number, brightness = lumaOf): Paper {
  let [sum, weight] = [0, 0];
  for (let i = 0; i < rgba.length; i += 4) {
    sum += rgba[i + 3] * brightness(rgba[i], rgba[i + 1], rgba[i + 2]);
    weight += rgba[i + 3];
  }
  return sum > lightest * weight ? BLACK : WHITE;
}

export const describePaper = (paper: Paper): string =>
  paper === WHITE
    ? 'laid on white where it is transparent'
    : 'laid on black where it is transparent, because white would hide it';

/** The luma of Rec. 709; a grey pixel keeps its exact value. */
const lumaOf = (red: number, green: number, blue: number): number =>
  red === green && green === blue ? red : 0.2126 * red + 0.7152 * green + 0.0722 * blue;

/** A picture's rows on paper, as numbers from 0 to 255, in colour or, as the luma of Rec. 709, in grey. */
export function rowsOf({ width, height, rgba }: Picture, channels: 1 | 3, paper: Paper): Rows {
  const read = (y: number, out: Float32Array): void => {
    for (let x = 0, from = 4 * y * width; x < width; x++, from += 4) {
      const [red, green, blue] = [rgba[from], rgba[from + 1], rgba[from + 2]];
      const opacity = rgba[from + 3] / 255;
      if (channels === 3) {
        out[3 * x] = paper + (red - paper) * opacity;
        out[3 * x + 1] = paper + (green - paper) * opacity;
        out[3 * x + 2] = paper + (blue - paper) * opacity;
      } else {
        out[x] = paper + (lumaOf(red, green, blue) - paper) * opacity;
      }
    }
  };
  return { width, height, channels, read };
}

/** The gamma of screens, for which a picture without a word of it is made. */
const SCREEN_GAMMA = 2.2;
/** As in libpng: nobody sees less, and rounded values are not touched. */
const SEEN = 0.05;

/** Samples of 8 or 16 bits as bytes for a screen: red, green, blue and opacity. `gamma` is the exponent of their making. */
export function toBytes(samples: Uint8Array | Uint16Array, gamma?: number): Uint8Array {
  const exponent = gamma === undefined ? 1 : 1 / (gamma * SCREEN_GAMMA);
  const corrects = Math.abs(exponent - 1) > SEEN && exponent > 0.1 && exponent < 10;
  if (samples instanceof Uint8Array && !corrects) return samples;
  const most = samples instanceof Uint8Array ? 255 : 65_535;
  const straight = Uint8Array.from({ length: most + 1 }, (_, value) => Math.round((255 * value) / most));
  const curved = corrects ? straight.map((_, value) => Math.round(255 * (value / most) ** exponent)) : straight;
  const bytes = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) bytes[i] = ((i & 3) === 3 ? straight : curved)[samples[i]];
  return bytes;
}
