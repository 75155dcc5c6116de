/** A raster to draw on: rectangles, lines, discs, text and images. It does not know what the pictures mean. */

import type { ImageShape } from '../data/dataset.ts';
import { encodePng, markAsDrawn } from '../data/pictures/png.ts';
import { BLACK, type Colour, WHITE } from './colours.ts';
import { ADVANCE, drawable, eachPixel, textWidth } from './font.ts';

/** Rows of grey (1 channel) or colour (3 channels) bytes, [height, width, channels]. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly bytes: Uint8Array;
}

/** In pixels, the right and bottom edges excluded. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface TextStyle {
  readonly colour?: Colour;
  /** Pixels of the picture per pixel of the font, a whole number. */
  readonly scale?: number;
  /** Which part of the text is at x. */
  readonly align?: 'left' | 'centre' | 'right';
}

export class Canvas implements Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly bytes: Uint8Array;
  private clip: Box;

  /** A grey canvas has one channel and uses the red of a colour as its grey. */
  constructor(width: number, height: number, background: Colour = WHITE, channels: 1 | 3 = 3) {
    this.width = width;
    this.height = height;
    this.channels = channels;
    this.bytes = new Uint8Array(width * height * channels);
    this.clip = { left: 0, top: 0, right: width, bottom: height };
    this.rectangle(this.clip, background);
  }

  /** Whatever `draw` draws outside the box is left out. */
  within(box: Box, draw: () => void): void {
    const outer = this.clip;
    this.clip = {
      left: Math.max(outer.left, box.left),
      top: Math.max(outer.top, box.top),
      right: Math.min(outer.right, box.right),
      bottom: Math.min(outer.bottom, box.bottom),
    };
    draw();
    this.clip = outer;
  }

  rectangle(box: Box, colour: Colour): void {
    const { left, top, right, bottom } = this.clip;
    const [from, to] = [Math.max(left, box.left), Math.min(right, box.right)];
    for (let y = Math.max(top, box.top); y < Math.min(bottom, box.bottom); y++) {
      for (let x = from; x < to; x++) {
        const at = (y * this.width + x) * this.channels;
        for (let c = 0; c < this.channels; c++) this.bytes[at + c] = colour[c];
      }
    }
  }

  /** A line with round ends. Coordinates are those of pixels' centres. */
  line(x0: number, y0: number, x1: number, y1: number, colour: Colour, thickness = 1): void {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const squaredLength = dx * dx + dy * dy;
    this.cover(colour, 1, { x0, y0, x1, y1 }, thickness / 2, (x, y) => {
      const along = squaredLength === 0 ? 0 : ((x - x0) * dx + (y - y0) * dy) / squaredLength;
      const nearest = Math.min(1, Math.max(0, along));
      return Math.hypot(x - x0 - nearest * dx, y - y0 - nearest * dy);
    });
  }

  disc(x: number, y: number, radius: number, colour: Colour, opacity = 1): void {
    this.cover(colour, opacity, { x0: x, y0: y, x1: x, y1: y }, radius, (px, py) => Math.hypot(px - x, py - y));
  }

  /** Text whose capitals begin at `y`; a character that the font lacks is drawn as a question mark. */
  text(x: number, y: number, text: string, { colour = BLACK, scale = 1, align = 'left' }: TextStyle = {}): void {
    const shift = { left: 0, centre: 0.5, right: 1 }[align];
    const start = Math.round(x - shift * scale * textWidth(text));
    [...drawable(text)].forEach((character, i) => {
      eachPixel(character, (column, row) => {
        const left = start + (i * ADVANCE + column) * scale;
        const top = Math.round(y) + row * scale;
        this.rectangle({ left, top, right: left + scale, bottom: top + scale }, colour);
      });
    });
  }

  /** An image [C, H, W] in [0, 1], each of its pixels `zoom` wide. Values outside [0, 1] are drawn as the nearest end. */
  image(values: Float32Array, [channels, height, width]: ImageShape, left: number, top: number, zoom: number): void {
    const plane = height * width;
    const colour: [number, number, number] = [0, 0, 0];
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < 3; c++) colour[c] = toByte(values[i + (channels === 3 ? c * plane : 0)]);
      const [x, y] = [left + (i % width) * zoom, top + Math.floor(i / width) * zoom];
      this.rectangle({ left: x, top: y, right: x + zoom, bottom: y + zoom }, colour);
    }
  }

  png(): Buffer {
    return markAsDrawn(encodePng(this.width, this.height, this.channels, this.bytes));
  }

  /** Colours the pixels nearer than `reach`, with a soft edge: a pixel half covered gets half the colour. */
  private cover(
    colour: Colour,
    opacity: number,
    { x0, y0, x1, y1 }: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number },
    reach: number,
    distance: (x: number, y: number) => number,
  ): void {
    const { left, top, right, bottom } = this.clip;
    const margin = Math.ceil(reach + 0.5);
    const [yFrom, yTo] = [Math.floor(Math.min(y0, y1)) - margin, Math.ceil(Math.max(y0, y1)) + margin];
    const [xFrom, xTo] = [Math.floor(Math.min(x0, x1)) - margin, Math.ceil(Math.max(x0, x1)) + margin];
    for (let y = Math.max(top, yFrom); y <= Math.min(bottom - 1, yTo); y++) {
      for (let x = Math.max(left, xFrom); x <= Math.min(right - 1, xTo); x++) {
        const coverage = opacity * Math.min(1, Math.max(0, reach + 0.5 - distance(x, y)));
        if (coverage <= 0) continue;
        const at = (y * this.width + x) * this.channels;
        for (let c = 0; c < this.channels; c++) this.bytes[at + c] += coverage * (colour[c] - this.bytes[at + c]);
      }
    }
  }
}

const toByte = (value: number): number => Math.round(255 * Math.min(1, Math.max(0, value)));
