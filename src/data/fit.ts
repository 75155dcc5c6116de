/** Fits any picture to what a model was trained on, and says what was done to it. */

import type { Fit, ImageShape } from './dataset.ts';
import { type Fitted, fitPhoto } from './photo.ts';
import { inspect, type Picture, rowsOf } from './picture.ts';
import { resize } from './resample.ts';

/** A plane of brightness in [0, 1]. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** The share of the image that the ink is scaled into. MNIST's own rule is 20 of 28 pixels; Fashion-MNIST's is all. */
const INK_SHARE = { digit: 20 / 28, garment: 1 } as const;
/** One of 256 grey levels. */
const NEGLIGIBLE = 1 / 256;
/** Whatever is brighter than the darkest value by more than this counts as ink. */
const INK_THRESHOLD = 0.15;

/** Fits a picture to images of a shape, as their dataset requires. */
export const fitPicture = (picture: Picture, shape: ImageShape, how: Fit): Fitted =>
  how === 'photo' ? fitPhoto(picture, shape) : fitInk(picture, shape, INK_SHARE[how]);

/**
 * Like MNIST's digits: grey, light on dark. Unless the picture already has the model's size, its contrast is stretched,
 * and its ink is cut out, scaled into the middle `share` of the image, and centred by its mass.
 */
function fitInk(picture: Picture, [, height, width]: ImageShape, share: number): Fitted {
  const notes: string[] = [];
  let plane = toGrey(picture, notes);
  if (borderMean(plane) > 0.5) {
    plane = { ...plane, values: plane.values.map((value) => 1 - value) };
    notes.push('inverted, because its border is light and the model draws light on dark');
  }
  if (plane.width !== width || plane.height !== height) {
    plane = centreInk(stretchContrast(plane, notes), width, height, share, notes);
  }
  return { pixels: Uint8Array.from(plane.values, (value) => Math.round(255 * value)), notes };
}

function toGrey(picture: Picture, notes: string[]): Plane {
  const { coloured, transparent } = inspect(picture);
  if (transparent) notes.push('laid on white where it is transparent');
  if (coloured) notes.push('turned to grey');
  const { width, height } = picture;
  const rows = rowsOf(picture, 1);
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) rows.read(y, values.subarray(y * width, (y + 1) * width));
  return { width, height, values: values.map((value) => value / 255) };
}

function borderMean({ width, height, values }: Plane): number {
  let [sum, count] = [0, 0];
  for (let row = 0; row < height; row++) {
    const step = row === 0 || row === height - 1 ? 1 : Math.max(1, width - 1);
    for (let column = 0; column < width; column += step) {
      sum += values[row * width + column];
      count++;
    }
  }
  return sum / count;
}

/** The border's brightness becomes black, and the brightest value white: paper is rarely white, and ink rarely black. */
function stretchContrast(plane: Plane, notes: string[]): Plane {
  const background = borderMean(plane);
  const brightest = plane.values.reduce((most, value) => Math.max(most, value), 0);
  const range = brightest - background;
  if (range <= 0 || (background < NEGLIGIBLE && brightest > 1 - NEGLIGIBLE)) return plane;
  notes.push('stretched in contrast, so that the background is black and the ink white');
  return { ...plane, values: plane.values.map((value) => Math.min(1, Math.max(0, (value - background) / range))) };
}

function centreInk(plane: Plane, width: number, height: number, share: number, notes: string[]): Plane {
  const cut = cropToInk(plane);
  const scale = Math.min((width * share) / cut.width, (height * share) / cut.height);
  const ink = scaled(cut, Math.max(1, Math.round(cut.width * scale)), Math.max(1, Math.round(cut.height * scale)));
  const [massX, massY] = centreOfMass(ink);
  const clamp = (offset: number, room: number) => Math.min(Math.max(0, Math.round(offset)), room);
  const left = clamp(width / 2 - massX, width - ink.width);
  const top = clamp(height / 2 - massY, height - ink.height);
  const values = new Float32Array(width * height);
  for (let row = 0; row < ink.height; row++) {
    values.set(ink.values.subarray(row * ink.width, (row + 1) * ink.width), (top + row) * width + left);
  }
  notes.push(
    `cut to its ink (${cut.width} × ${cut.height} of ${plane.width} × ${plane.height} pixels), scaled to ` +
      `${ink.width} × ${ink.height} and centred by its mass in ${width} × ${height}`,
  );
  return { width, height, values };
}

/** The smallest rectangle with everything that stands out from the background; the whole plane if nothing does. */
function cropToInk({ width, height, values }: Plane): Plane {
  let [darkest, brightest] = [1, 0];
  for (const value of values) {
    darkest = Math.min(darkest, value);
    brightest = Math.max(brightest, value);
  }
  const threshold = darkest + INK_THRESHOLD * (brightest - darkest);
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (values[row * width + column] <= threshold) continue;
      left = Math.min(left, column);
      right = Math.max(right, column);
      top = Math.min(top, row);
      bottom = row;
    }
  }
  if (right < left) return { width, height, values };
  const cut = { width: right - left + 1, height: bottom - top + 1 };
  const inside = new Float32Array(cut.width * cut.height);
  for (let row = 0; row < cut.height; row++) {
    const start = (top + row) * width + left;
    inside.set(values.subarray(start, start + cut.width), row * cut.width);
  }
  return { ...cut, values: inside };
}

function centreOfMass({ width, values }: Plane): [number, number] {
  let [mass, sumX, sumY] = [0, 0, 0];
  values.forEach((value, i) => {
    mass += value;
    sumX += value * ((i % width) + 0.5);
    sumY += value * (Math.floor(i / width) + 0.5);
  });
  return mass === 0 ? [width / 2, values.length / width / 2] : [sumX / mass, sumY / mass];
}

function scaled({ values, ...size }: Plane, width: number, height: number): Plane {
  const read = (y: number, out: Float32Array): void => out.set(values.subarray(y * size.width, (y + 1) * size.width));
  return { width, height, values: resize({ ...size, channels: 1, read }, { left: 0, top: 0, ...size }, width, height) };
}
