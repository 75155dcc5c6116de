/** The one rule for photographs: scaled by their shorter side, the middle kept. */

import type { ImageShape } from '../dataset.ts';
import { describePaper, inspect, type Paper, type Picture, paperOf, rowsOf, WHITE } from './picture.ts';
import { resize } from './resample.ts';

/** Keeps rounding from moving an edge to the pixel before. */
const NEGLIGIBLE = 1e-9;
/** On white paper, whatever is lighter than this as a whole is hardly seen. */
const LIGHTEST = 230;
/** In colour, yellow is seen on white although its luma is high. */
const meanOf = (red: number, green: number, blue: number): number => (red + green + blue) / 3;

export interface Fitted {
  /** [C·H·W] bytes, in the layout of a dataset's images. */
  readonly pixels: Uint8Array;
  /** What was done, in order; empty if nothing was. */
  readonly notes: readonly string[];
}

export interface FittedPhoto extends Fitted {
  readonly coloured: boolean;
  /** What it was laid on, if it is transparent. */
  readonly paper?: Paper;
  /** The share of the picture beyond the edges of the image, from 0 to 1. */
  readonly cutOff: number;
}

/**
 * Scales a picture until it just covers the image, cuts off the rest equally on both sides, and turns it to grey
 * if the image has one channel. A picture of the image's size and kind keeps every byte.
 */
export function fitPhoto(picture: Picture, [channels, height, width]: ImageShape): FittedPhoto {
  const { coloured, transparent } = inspect(picture);
  const paper = transparent ? paperOf(picture, LIGHTEST, channels === 1 ? undefined : meanOf) : WHITE;
  const ratio = Math.min(picture.width / width, picture.height / height);
  const cut = { width: width * ratio, height: height * ratio };
  // Whole pixels, so that nothing is blurred without need.
  const middle = (whole: number, kept: number) => Math.max(0, Math.floor((whole - kept) / 2 + NEGLIGIBLE));
  const from = { ...cut, left: middle(picture.width, cut.width), top: middle(picture.height, cut.height) };
  const values = resize(rowsOf(picture, channels === 1 ? 1 : 3, paper), from, width, height);

  const plane = width * height;
  const pixels = new Uint8Array(channels * plane);
  for (let i = 0, to = 0; i < plane; i++) {
    for (let channel = 0; channel < channels; channel++) pixels[channel * plane + i] = Math.round(values[to++]);
  }
  const notes: string[] = [];
  if (transparent) notes.push(describePaper(paper));
  if (coloured && channels === 1) notes.push('turned to grey');
  const [across, down] = [Math.round(picture.width / ratio), Math.round(picture.height / ratio)];
  if (ratio !== 1) notes.push(`scaled from ${picture.width} × ${picture.height} to ${across} × ${down}`);
  if (across !== width || down !== height) notes.push(`cut to its middle ${width} × ${height}`);
  const cutOff = 1 - (cut.width * cut.height) / (picture.width * picture.height);
  return { pixels, notes, coloured, cutOff, ...(transparent && { paper }) };
}
