/** Fits any picture to what a model was trained on, and says what was done to it. */

import type { ImageShape } from './dataset.ts';
import type { Picture } from './png.ts';

/** A plane of brightness in [0, 1]. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

export interface Fitted {
  /** [C·H·W] bytes, as a dataset's images are kept. */
  readonly pixels: Uint8Array;
  /** What was done, in the order it was done; empty where nothing was. */
  readonly notes: readonly string[];
}

/** MNIST's own rule: the ink in a box of 20 of its 28 pixels, centred by its mass. */
const INK_SHARE = 20 / 28;
/** One step of 256. */
const NEGLIGIBLE = 1 / 256;
/** What is brighter than this, against the darkest, counts as ink. */
const INK_THRESHOLD = 0.15;

/**
 * Digits as MNIST has them: grey, light on dark; unless the picture has the model's size already, its contrast is
 * stretched, and its ink is cut out, scaled into the middle 20/28 of the image, and centred by its mass.
 */
export function fitDigit(picture: Picture, [, height, width]: ImageShape): Fitted {
  const notes: string[] = [];
  let plane = toGrey(picture, notes);
  if (borderMean(plane) > 0.5) {
    plane = { ...plane, values: plane.values.map((value) => 1 - value) };
    notes.push('inverted, because its border is light and the model draws light on dark');
  }
  if (plane.width !== width || plane.height !== height) {
    plane = centreInk(stretchContrast(plane, notes), width, height, notes);
  }
  return { pixels: Uint8Array.from(plane.values, (value) => Math.round(255 * value)), notes };
}

/** Luma of Rec. 709 over a background of white, which is what a transparent picture is usually seen on. */
function toGrey({ width, height, rgba }: Picture, notes: string[]): Plane {
  const values = new Float32Array(width * height);
  let [coloured, transparent] = [false, false];
  for (let i = 0; i < values.length; i++) {
    const [red, green, blue, alpha] = [rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2], rgba[4 * i + 3]];
    coloured ||= red !== green || green !== blue;
    transparent ||= alpha !== 255;
    const luma = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
    values[i] = 1 + (luma - 1) * (alpha / 255);
  }
  if (transparent) notes.push('laid on white where it is transparent');
  if (coloured) notes.push('turned to grey');
  return { width, height, values };
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

/** The border's brightness becomes black, and the brightest value white: paper is seldom white, nor ink black. */
function stretchContrast(plane: Plane, notes: string[]): Plane {
  const background = borderMean(plane);
  const brightest = plane.values.reduce((most, value) => Math.max(most, value), 0);
  const range = brightest - background;
  if (range <= 0 || (background < NEGLIGIBLE && brightest > 1 - NEGLIGIBLE)) return plane;
  notes.push('stretched in contrast, so that the background is black and the ink white');
  return { ...plane, values: plane.values.map((value) => Math.min(1, Math.max(0, (value - background) / range))) };
}

function centreInk(plane: Plane, width: number, height: number, notes: string[]): Plane {
  const cut = cropToInk(plane);
  const scale = Math.min((width * INK_SHARE) / cut.width, (height * INK_SHARE) / cut.height);
  const ink = resize(cut, Math.max(1, Math.round(cut.width * scale)), Math.max(1, Math.round(cut.height * scale)));
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

/** Averages over the area that each new pixel covers, which neither skips thin strokes nor invents detail. */
function resize(plane: Plane, width: number, height: number): Plane {
  const horizontal = resizeRows(plane, width);
  const vertical = resizeRows(transposed(horizontal), height);
  return transposed(vertical);
}

function resizeRows({ width, height, values }: Plane, target: number): Plane {
  const out = new Float32Array(target * height);
  const ratio = width / target;
  for (let column = 0; column < target; column++) {
    const [start, end] = [column * ratio, (column + 1) * ratio];
    for (let from = Math.floor(start); from < Math.min(width, Math.ceil(end)); from++) {
      const share = (Math.min(end, from + 1) - Math.max(start, from)) / ratio;
      for (let row = 0; row < height; row++) out[row * target + column] += share * values[row * width + from];
    }
  }
  return { width: target, height, values: out };
}

function transposed({ width, height, values }: Plane): Plane {
  const out = new Float32Array(values.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) out[column * height + row] = values[row * width + column];
  }
  return { width: height, height: width, values: out };
}
