/** Fits any picture to what a model was trained on, and says what was done to it. */

import type { Fit, ImageShape } from '../dataset.ts';
import { type Fitted, fitPhoto } from './photo.ts';
import { describePaper, inspect, type Picture, paperOf, rowsOf, WHITE } from './picture.ts';
import { type Rectangle, type Rows, resize } from './resample.ts';

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
/** Paper without ink differs by less: a camera's noise. */
const BLANK = 5 / 256;
/** Whatever is brighter than the darkest value by more than this counts as ink. */
const INK_THRESHOLD = 0.15;
/** Of all the ink: what has less and is apart from the rest is dust. */
const SPECK = 0.005;
/** Paper may be this much lighter at an edge than in its middle, as a share of the range, before that is taken away. */
const STEEP = 0.05;
/** The share of the spread along the edges that a plane must explain, to be the light. */
const FOLLOWED = 0.8;
/** Ink is shown best by the paper that is farther from it. */
const MIDDLE = 127;

/** Fits a picture to images of a shape, as their dataset requires. */
export function fitPicture(picture: Picture, shape: ImageShape, how: Fit): Fitted {
  const { pixels, notes } = how === 'photo' ? fitPhoto(picture, shape) : fitInk(picture, shape, INK_SHARE[how]);
  return { pixels, notes: picture.ignored === undefined ? notes : [picture.ignored, ...notes] };
}

/**
 * Like MNIST's digits: grey, light on dark. Unless the picture already has the model's size, its contrast is stretched,
 * and its ink is cut out, scaled into the middle `share` of the image, and centred by its mass. The picture is read row
 * by row: it may be a hundred times as large as the image.
 */
function fitInk(picture: Picture, [, height, width]: ImageShape, share: number): Fitted {
  const notes: string[] = [];
  let rows = toGrey(picture, notes);
  let tones = tonesOf(rows);
  if (tones.border > 0.5) {
    rows = mapped(rows, (value) => 1 - value);
    tones = { border: 1 - tones.border, darkest: 1 - tones.brightest, brightest: 1 - tones.darkest };
    notes.push('inverted, because its border is light and the model draws light on dark');
  }
  if (rows.width !== width || rows.height !== height) {
    const slope = slopeOf(rows, tones);
    if (slope !== undefined) {
      rows = withoutSlope(rows, tones.border, slope);
      tones = tonesOf(rows);
      notes.push('freed of the light that falls off across its paper');
    }
  }
  const blank = tones.brightest - tones.darkest < BLANK;
  if (blank) notes.push('it is blank: there is no ink in it');
  let plane: Plane;
  if (rows.width === width && rows.height === height) plane = planeOf(rows);
  else if (blank) plane = { width, height, values: new Float32Array(width * height) };
  else plane = centreInk(stretchContrast(rows, tones, notes), width, height, share, notes);
  return { pixels: Uint8Array.from(plane.values, (value) => Math.round(255 * value)), notes };
}

function toGrey(picture: Picture, notes: string[]): Rows {
  const { coloured, transparent } = inspect(picture);
  const paper = transparent ? paperOf(picture, MIDDLE) : WHITE;
  if (transparent) notes.push(describePaper(paper));
  if (coloured) notes.push('turned to grey');
  return mapped(rowsOf(picture, 1, paper), (value) => value / 255);
}

function mapped(rows: Rows, change: (value: number) => number): Rows {
  const read = (y: number, out: Float32Array): void => {
    rows.read(y, out);
    for (let i = 0; i < out.length; i++) out[i] = change(out[i]);
  };
  return { ...rows, read };
}

function planeOf(rows: Rows): Plane {
  const { width, height } = rows;
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) rows.read(y, values.subarray(y * width, (y + 1) * width));
  return { width, height, values };
}

interface Tones {
  /** The mean along the edges. */
  readonly border: number;
  readonly darkest: number;
  readonly brightest: number;
}

function tonesOf(rows: Rows): Tones {
  const { width, height } = rows;
  let [sum, count, darkest, brightest] = [0, 0, 1, 0];
  const row = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    rows.read(y, row);
    const step = y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1);
    for (let x = 0; x < width; x += step) {
      sum += row[x];
      count++;
    }
    for (const value of row) {
      if (value < darkest) darkest = value;
      if (value > brightest) brightest = value;
    }
  }
  return { border: sum / count, darkest, brightest };
}

/** How much the brightness changes from the middle to the right and to the lower edge. */
interface Slope {
  readonly across: number;
  readonly down: number;
}

/** A place in a row or column, from −1 at its beginning to 1 at its end. */
const placeOf = (i: number, length: number): number => (length === 1 ? 0 : (2 * i) / (length - 1) - 1);

/**
 * The plane through the brightness along the edges, if it is steep and the edges follow it: light that falls off, not
 * ink that touches an edge. Least squares; along the edges of a rectangle the sums of x, y and x·y vanish.
 */
function slopeOf(rows: Rows, { border, darkest, brightest }: Tones): Slope | undefined {
  const { width, height } = rows;
  let [sumX, sumY, squareX, squareY, spread] = [0, 0, 0, 0, 0];
  const row = new Float32Array(width);
  for (let j = 0; j < height; j++) {
    rows.read(j, row);
    const y = placeOf(j, height);
    const step = j === 0 || j === height - 1 ? 1 : Math.max(1, width - 1);
    for (let i = 0; i < width; i += step) {
      const [x, value] = [placeOf(i, width), row[i] - border];
      sumX += x * value;
      sumY += y * value;
      squareX += x * x;
      squareY += y * y;
      spread += value * value;
    }
  }
  const [across, down] = [sumX / Math.max(1, squareX), sumY / Math.max(1, squareY)];
  const explained = across * sumX + down * sumY;
  const steep = Math.abs(across) + Math.abs(down) > STEEP * (brightest - darkest);
  return steep && explained > FOLLOWED * spread ? { across, down } : undefined;
}

function withoutSlope(rows: Rows, border: number, { across, down }: Slope): Rows {
  const { width, height } = rows;
  const read = (y: number, out: Float32Array): void => {
    rows.read(y, out);
    const left = border + down * placeOf(y, height);
    for (let x = 0; x < width; x++) out[x] = Math.max(0, out[x] - left - across * placeOf(x, width));
  };
  return { ...rows, read };
}

interface Drawing extends Tones {
  readonly rows: Rows;
}

/** The border's brightness becomes black, and the brightest value white: paper is rarely white, and ink rarely black. */
function stretchContrast(rows: Rows, tones: Tones, notes: string[]): Drawing {
  const { border, brightest } = tones;
  const range = brightest - border;
  if (range <= 0 || (border < NEGLIGIBLE && brightest > 1 - NEGLIGIBLE)) return { ...tones, rows };
  notes.push('stretched in contrast, so that the background is black and the ink white');
  const stretched = mapped(rows, (value) => Math.min(1, Math.max(0, (value - border) / range)));
  return { rows: stretched, border: 0, darkest: 0, brightest: 1 };
}

function centreInk(drawing: Drawing, width: number, height: number, share: number, notes: string[]): Plane {
  const { rows } = drawing;
  const cut = boundsOfInk(drawing);
  const scale = Math.min((width * share) / cut.width, (height * share) / cut.height);
  const size = {
    width: Math.max(1, Math.round(cut.width * scale)),
    height: Math.max(1, Math.round(cut.height * scale)),
  };
  const whole = { left: 0, top: 0, width: cut.width, height: cut.height };
  const ink = { ...size, values: resize(cropped(rows, cut), whole, size.width, size.height) };
  const [massX, massY] = centreOfMass(ink);
  const clamp = (offset: number, room: number) => Math.min(Math.max(0, Math.round(offset)), room);
  const left = clamp(width / 2 - massX, width - ink.width);
  const top = clamp(height / 2 - massY, height - ink.height);
  const values = new Float32Array(width * height);
  for (let row = 0; row < ink.height; row++) {
    values.set(ink.values.subarray(row * ink.width, (row + 1) * ink.width), (top + row) * width + left);
  }
  notes.push(
    `cut to its ink (${cut.width} × ${cut.height} of ${rows.width} × ${rows.height} pixels), scaled to ` +
      `${ink.width} × ${ink.height} and centred by its mass in ${width} × ${height}`,
  );
  return { width, height, values };
}

/** A part of a picture, beyond whose edges there is nothing. */
function cropped(rows: Rows, { left, top, width, height }: Rectangle): Rows {
  const row = new Float32Array(rows.width);
  const read = (y: number, out: Float32Array): void => {
    rows.read(top + y, row);
    out.set(row.subarray(left, left + width));
  };
  return { width, height, channels: 1, read };
}

/** The smallest rectangle with all that stands out from the background, but specks; the whole picture if nothing does. */
function boundsOfInk({ rows, darkest, brightest }: Drawing): Rectangle {
  const { width, height } = rows;
  const threshold = darkest + INK_THRESHOLD * (brightest - darkest);
  const [across, down] = [new Float64Array(width), new Float64Array(height)];
  const row = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    rows.read(y, row);
    for (let x = 0; x < width; x++) {
      if (row[x] <= threshold) continue;
      across[x] += row[x] - darkest;
      down[y] += row[x] - darkest;
    }
  }
  const [left, right] = spanOf(across);
  const [top, bottom] = spanOf(down);
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * From where to where there is ink, by the ink of each column or row. What is apart from the rest, beyond a gap, and
 * has too little of the ink is a speck: it is left out. The tip of a stroke is never apart.
 */
function spanOf(ink: Float64Array): readonly [start: number, end: number] {
  const total = ink.reduce((sum, each) => sum + each, 0);
  if (total === 0) return [0, ink.length];
  const first = firstInk(ink, total);
  const last = firstInk(ink.slice().reverse(), total);
  return [first, ink.length - last];
}

function firstInk(ink: Float64Array, total: number): number {
  let [start, sum] = [-1, 0];
  for (let i = 0; i < ink.length; i++) {
    sum += ink[i];
    if (ink[i] === 0) {
      if (sum < SPECK * total) start = -1;
    } else if (start < 0) start = i;
    if (sum >= SPECK * total) break;
  }
  return start;
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
