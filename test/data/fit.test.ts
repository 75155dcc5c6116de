import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { fitPicture } from '../../src/data/pictures/fit.ts';
import { fitPhoto } from '../../src/data/pictures/photo.ts';
import type { Picture } from '../../src/data/pictures/picture.ts';
import { decodePng, encodePng } from '../../src/data/pictures/png.ts';
import { resize } from '../../src/data/pictures/resample.ts';
import { cifarBatch } from './batches.ts';
import { pngChunk } from './png.ts';

/** A picture whose pixels are given by a function. */
function paint(width: number, height: number, colour: (x: number, y: number) => readonly number[]): Picture {
  const rgba = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rgba.set([...colour(x, y), 255].slice(0, 4), 4 * (y * width + x));
  }
  return { width, height, rgba };
}

const photo = (picture: Picture, channels: 1 | 3, height: number, width = height) =>
  fitPicture(picture, [channels, height, width], 'photo');

describe('a photograph', () => {
  it("of CIFAR-10's size comes back byte for byte", () => {
    const planes = cifarBatch([3]).subarray(1);
    const interleaved = Uint8Array.from(planes, (_, i) => planes[(i % 3) * 1024 + Math.floor(i / 3)]);
    const { pixels, notes } = photo(decodePng(encodePng(32, 32, 3, interleaved), 'file'), 3, 32);
    expect(Buffer.from(pixels).equals(planes)).toBe(true);
    expect(notes).toEqual([]);
  });

  it('that is larger is scaled by its shorter side, and its middle is kept', () => {
    // Thirds of red, green and blue: the middle 60 columns are green.
    const wide = paint(180, 60, (x) => [x < 60 ? 255 : 0, x >= 60 && x < 120 ? 255 : 0, x >= 120 ? 255 : 0]);
    const { pixels, notes } = photo(wide, 3, 20);
    expect(
      [pixels.subarray(0, 400), pixels.subarray(400, 800), pixels.subarray(800)].map((p) => [...new Set(p)]),
    ).toEqual([[0], [255], [0]]);
    expect(notes).toEqual(['scaled from 180 × 60 to 60 × 20', 'cut to its middle 20 × 20']);
  });

  it('that only stands over is cut, not blurred', () => {
    const striped = paint(33, 32, (x) => [x % 2 === 0 ? 255 : 0, 0, 0]);
    const { pixels, notes } = photo(striped, 3, 32);
    expect([...pixels.subarray(0, 4)]).toEqual([255, 0, 255, 0]);
    expect(notes).toEqual(['cut to its middle 32 × 32']);
  });

  it('is averaged over areas when it becomes smaller, and interpolated when it becomes larger', () => {
    expect([
      ...photo(
        paint(4, 4, (x) => [x < 2 ? 0 : (x - 2) * 100, 0, 0]),
        3,
        2,
      ).pixels.subarray(0, 2),
    ]).toEqual([0, 50]);
    const larger = photo(
      paint(2, 2, (x) => [100 * x, 100 * x, 100 * x]),
      1,
      4,
    ).pixels;
    expect([...larger.subarray(0, 4)]).toEqual([0, 25, 75, 100]);
  });

  it('lies on white where it is transparent', () => {
    const half = paint(2, 2, (x) => (x === 0 ? [255, 0, 0, 0] : [0, 0, 0, 128]));
    const { pixels, notes } = photo(half, 1, 2);
    expect([...pixels]).toEqual([255, 127, 255, 127]);
    expect(notes).toEqual(['laid on white where it is transparent']);
  });

  it('lies on black where white would hide it', () => {
    const halves = (ink: number[]) => paint(2, 2, (x) => (x === 0 ? [0, 0, 0, 0] : ink));
    expect(photo(halves([255, 255, 255, 255]), 3, 2).notes).toEqual([
      'laid on black where it is transparent, because white would hide it',
    ]);
    expect([...photo(halves([240, 235, 250, 255]), 1, 2).pixels]).toEqual([0, 237, 0, 237]);
    // A soft edge of another colour is no ink; a colour is seen on white.
    expect([
      ...photo(
        paint(8, 1, (x) => (x === 0 ? [0, 0, 0, 90] : [255, 255, 255, 250])),
        1,
        1,
        8,
      ).pixels,
    ]).toEqual([0, 250, 250, 250, 250, 250, 250, 250]);
    expect(photo(halves([255, 255, 0, 255]), 3, 2).notes).toEqual(['laid on white where it is transparent']);
    expect(photo(halves([255, 255, 255, 0]), 3, 2).notes).toEqual(['laid on white where it is transparent']);
  });

  it('lies on black where white would hide it in grey, whatever a speck says', () => {
    const onBlack = (ink: number[], channels: 1 | 3, speck = [0, 0, 0, 0]) =>
      photo(
        paint(8, 8, (x, y) => (x + y === 0 ? speck : x < 4 ? [0, 0, 0, 0] : [...ink, 255])),
        channels,
        8,
      ).notes[0].startsWith('laid on black');
    const [yellow, ivory, pale] = [
      [255, 255, 0],
      [255, 255, 225],
      [200, 200, 200],
    ];
    expect([onBlack(yellow, 1), onBlack(yellow, 3)]).toEqual([true, false]);
    expect([onBlack(ivory, 1), onBlack(ivory, 3)]).toEqual([true, true]);
    expect([onBlack(pale, 1), onBlack(pale, 3)]).toEqual([false, false]);
    expect(onBlack([255, 255, 255], 3, [0, 0, 0, 255])).toBe(true);
  });

  it('says which share of it is cut off', () => {
    const cutOff = (width: number, height: number) =>
      fitPhoto(
        paint(width, height, () => [9, 9, 9]),
        [1, 8, 8],
      ).cutOff;
    expect([cutOff(30, 30), cutOff(60, 30), cutOff(30, 120)]).toEqual([0, 0.5, 0.75]);
  });

  it('is grey by its luma where the model is', () => {
    const { pixels, notes } = photo(
      paint(1, 1, () => [255, 0, 0]),
      1,
      1,
    );
    expect([...pixels]).toEqual([Math.round(0.2126 * 255)]);
    expect(notes).toEqual(['turned to grey']);
  });

  it('of any size has the right one, and keeps within its range of brightness', () => {
    const side = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 5000));
    const target = fc.integer({ min: 1, max: 24 });
    const channels = fc.constantFrom(1 as const, 3 as const);
    fc.assert(
      fc.property(side, side, target, target, channels, fc.nat({ max: 200 }), (width, height, down, across, c, low) => {
        fc.pre(width * height <= 100_000);
        const picture = paint(width, height, (x, y) => [low + ((x * 7 + y * 13) % 50), low, low + 20]);
        const { pixels } = photo(picture, c, down, across);
        expect(pixels).toHaveLength(c * down * across);
        expect(Math.min(...pixels)).toBeGreaterThanOrEqual(low);
        expect(Math.max(...pixels)).toBeLessThanOrEqual(low + 50);
      }),
      { numRuns: 200 },
    );
  });

  it('of one colour stays of that colour', () => {
    for (const [width, height] of [
      [1, 1],
      [1, 5000],
      [5000, 1],
      [127, 83],
      [3, 1000],
    ]) {
      const { pixels } = photo(
        paint(width, height, () => [17, 211, 254]),
        3,
        13,
      );
      expect([...new Set(pixels)]).toEqual([17, 211, 254]);
    }
  });
});

describe('resizing', () => {
  it('keeps the mean of what becomes smaller', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 255 }), { minLength: 8, maxLength: 60 }),
        fc.integer({ min: 1, max: 8 }),
        (row, width) => {
          const rows = {
            width: row.length,
            height: 1,
            channels: 1,
            read: (_: number, out: Float32Array) => out.set(row),
          };
          const out = resize(rows, { left: 0, top: 0, width: row.length, height: 1 }, width, 1);
          const mean = (values: ArrayLike<number>) =>
            Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
          expect(mean(out)).toBeCloseTo(mean(row), 3);
        },
      ),
    );
  });
});

describe('a digit of any kind', () => {
  /** A digit "1": a bar of `ink` on `paper`, with its top left corner at the given place. */
  const bar = (width: number, height: number, left: number, top: number, ink: number[], paper: number[]): Picture => {
    const rgba = new Uint8Array(width * height * 4);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const inside = x >= left && x < left + width / 10 && y >= top && y < top + height / 2;
        rgba.set(inside ? ink : paper, 4 * (y * width + x));
      }
    }
    return { width, height, rgba };
  };
  const [black, white] = [
    [0, 0, 0, 255],
    [255, 255, 255, 255],
  ];
  const fitted = (picture: Picture) => fitPicture(picture, [1, 28, 28], 'digit');

  it('of the right size and light on dark is left alone', () => {
    const picture = bar(28, 28, 12, 6, white, black);
    const { pixels, notes } = fitted(picture);
    expect(notes).toEqual([]);
    expect([...pixels]).toEqual(Array.from({ length: 784 }, (_, i) => picture.rgba[4 * i]));
  });

  it('is the same however it is drawn', () => {
    const expected = fitted(bar(200, 200, 20, 10, white, black)).pixels;
    const variants: Record<string, Picture> = {
      'dark on light': bar(200, 200, 20, 10, black, white),
      'elsewhere in the picture': bar(200, 200, 150, 90, white, black),
      'on nothing': bar(200, 200, 20, 10, black, [0, 0, 0, 0]),
      'in white on nothing': bar(200, 200, 20, 10, white, [0, 0, 0, 0]),
      'in white on nothing that was white': bar(200, 200, 20, 10, white, [255, 255, 255, 0]),
      'in pale grey on nothing': bar(200, 200, 20, 10, [220, 220, 220, 255], [0, 0, 0, 0]),
      'in yellow on nothing': bar(200, 200, 20, 10, [255, 255, 140, 255], [0, 0, 0, 0]),
      'in white that lets half through': bar(200, 200, 20, 10, [255, 255, 255, 128], [0, 0, 0, 0]),
    };
    for (const [name, picture] of Object.entries(variants))
      expect([name, ...fitted(picture).pixels]).toEqual([name, ...expected]);
  });

  it('on nothing lies on the paper that its ink as a whole differs from', () => {
    const expected = fitted(bar(200, 200, 20, 10, white, black)).pixels;
    const clear = [0, 0, 0, 0];
    const withPixel = (picture: Picture, pixel: number[]): Picture => {
      picture.rgba.set(pixel, 4 * (199 * 200 + 199));
      return picture;
    };
    const variants: Record<string, Picture> = {
      yellow: bar(200, 200, 20, 10, [255, 220, 0, 255], clear),
      'bright yellow': bar(200, 200, 20, 10, [255, 255, 0, 255], clear),
      cyan: bar(200, 200, 20, 10, [0, 255, 255, 255], clear),
      blue: bar(200, 200, 20, 10, [0, 0, 255, 255], clear),
      'light grey': bar(200, 200, 20, 10, [140, 140, 140, 255], clear),
      'dark grey': bar(200, 200, 20, 10, [110, 110, 110, 255], clear),
      'white, and one dark pixel': withPixel(bar(200, 200, 20, 10, white, clear), black),
      'black, and one white pixel': withPixel(bar(200, 200, 20, 10, black, clear), white),
    };
    for (const [name, picture] of Object.entries(variants)) {
      expect([name, ...fitted(picture).pixels]).toEqual([name, ...expected]);
    }
    // The outline is lost, the body is not.
    const outlined = paint(200, 200, (x, y) => {
      if (x < 20 || x >= 40 || y < 10 || y >= 110) return clear;
      return x === 20 || x === 39 || y === 10 || y === 109 ? black : white;
    });
    const { pixels, notes } = fitted(outlined);
    expect(notes[0]).toMatch(/^laid on black/);
    expect(pixels.filter((value) => value === 255).length).toBeGreaterThanOrEqual(40);
  });

  it('is cut to its ink without specks, but with all of its parts', () => {
    const dust = (x: number, y: number) => (x === 1 && y === 197) || (x === 198 && y === 3);
    const stem = (x: number, y: number) => x >= 90 && x < 100 && y >= 60 && y < 160;
    const dot = (x: number, y: number) => x >= 90 && x < 100 && y >= 30 && y < 40;
    const draw = (ink: (x: number, y: number) => boolean) =>
      fitted(paint(200, 200, (x, y) => (ink(x, y) ? [0, 0, 0] : [255, 255, 255])));
    const dusty = draw((x, y) => stem(x, y) || dot(x, y) || dust(x, y));
    expect(dusty.notes.at(-1)).toMatch(/^cut to its ink \(10 × 130 of/);
    expect(dusty).toEqual(draw((x, y) => stem(x, y) || dot(x, y)));
  });

  it('has its ink in the middle 20 × 20, centred by its mass', () => {
    const { pixels, notes } = fitted(bar(200, 300, 20, 10, white, black));
    const rows = Array.from({ length: 28 }, (_, y) => pixels.subarray(28 * y, 28 * y + 28).some((value) => value > 0));
    expect(rows.filter(Boolean)).toHaveLength(20);
    expect(rows.indexOf(true)).toBe(4);
    expect(notes.at(-1)).toMatch(/^cut to its ink \(20 × 150 of 200 × 300 pixels\), scaled to 3 × 20 and centred/);
  });

  it('says what was done to it', () => {
    const notes = fitted(bar(100, 100, 10, 10, [200, 30, 30, 255], [255, 255, 255, 0])).notes;
    expect(notes.slice(0, 3)).toEqual([
      'laid on white where it is transparent',
      'turned to grey',
      'inverted, because its border is light and the model draws light on dark',
    ]);
  });

  it('is the same on grey paper with pale ink', () => {
    const expected = fitted(bar(200, 200, 20, 10, white, black)).pixels;
    const { pixels, notes } = fitted(bar(200, 200, 20, 10, [90, 90, 90, 255], [230, 230, 230, 255]));
    expect([...pixels]).toEqual([...expected]);
    expect(notes).toContain('stretched in contrast, so that the background is black and the ink white');
  });

  it('that was written by hand on even paper is the same on every machine, byte for byte', () => {
    const { pixels } = fitted(decodePng(readFileSync('docs/three.png'), 'three.png'));
    const hash = createHash('sha256').update(pixels).digest('hex');
    expect(hash).toBe('3f690e5bd4aec2126360754f15410662ebbf340eb6f8314faf807414ec375a4e');
  });

  it('is found on paper from which the light falls off', () => {
    const seven = (u: number, v: number) =>
      (v > 0.3 && v < 0.36 && u > 0.35 && u < 0.65) ||
      (v >= 0.34 && v < 0.7 && Math.abs(u - (0.62 - (v - 0.34) * 0.4)) < 0.03);
    const noise = (x: number, y: number) => ((x * 7 + y * 13) % 7) - 3;
    const lit = (light: (u: number, v: number) => number) =>
      fitted(
        paint(400, 400, (x, y) => {
          const [u, v] = [x / 400, y / 400];
          const value = (seven(u, v) ? 40 : 235) * light(u, v) + noise(x, y);
          return [value, value, value];
        }),
      );
    const even = lit(() => 1);
    expect(even.notes.join()).not.toContain('light that falls off');
    const lights = [
      (u: number) => 1 - 0.4 * u,
      (u: number) => 0.6 + 0.4 * u,
      (_: number, v: number) => 1 - 0.4 * v,
      (u: number, v: number) => 1 - 0.2 * u - 0.2 * v,
    ];
    for (const light of lights) {
      const { pixels, notes } = lit(light);
      expect(notes).toContain('freed of the light that falls off across its paper');
      expect(notes.at(-1)).toMatch(/^cut to its ink \(119 × 159 of 400 × 400/);
      const apart = pixels.reduce((sum, value, i) => sum + Math.abs(value - even.pixels[i]), 0);
      expect(apart / even.pixels.reduce((sum, value) => sum + value, 0)).toBeLessThan(0.35);
    }
  });

  it('that touches an edge is not taken for the light', () => {
    const { notes } = fitted(paint(200, 200, (x, y) => (x > 60 && y > 80 && y < 120 ? [0, 0, 0] : [255, 255, 255])));
    expect(notes.join()).not.toContain('light that falls off');
    expect(notes.at(-1)).toMatch(/^cut to its ink \(139 × 39 of/);
  });

  it('without ink is said to be blank', () => {
    const note = 'it is blank: there is no ink in it';
    for (const side of [28, 50]) {
      const [paper, noisy, nothing] = [
        paint(side, side, () => [255, 255, 255]),
        paint(side, side, (x, y) => [250 + ((x * 7 + y * 3) % 4), 250, 250]),
        paint(side, side, () => [0, 0, 0, 0]),
      ];
      for (const picture of [paper, noisy, nothing]) expect(fitted(picture).notes).toContain(note);
      expect(fitted(paint(side, side, (x) => (x < 9 ? [200, 200, 200] : [255, 255, 255]))).notes).not.toContain(note);
    }
  });

  it('may be blank, or one pixel', () => {
    expect(new Set(fitted(bar(50, 50, 60, 60, white, black)).pixels)).toEqual(new Set([0]));
    expect(fitted({ width: 1, height: 1, rgba: Uint8Array.from(white) }).pixels).toHaveLength(784);
  });

  it('is read from 16-bit, palette, grey-alpha and colour files alike', () => {
    const { rgba } = bar(40, 40, 10, 5, white, black);
    const make = (bitDepth: 8 | 16, colorType: 0 | 2 | 4 | 6) => {
      const png = new PNG({ width: 40, height: 40, bitDepth, colorType });
      png.data =
        bitDepth === 8 ? Buffer.from(rgba) : Buffer.from(Uint16Array.from(rgba, (value) => 257 * value).buffer);
      return PNG.sync.write(png, { bitDepth, colorType });
    };
    const files = {
      grey: make(8, 0),
      colour: make(8, 2),
      greyAlpha: make(8, 4),
      deep: make(16, 6),
      palette: palettePng(rgba, 40),
    };
    const expected = fitted(bar(40, 40, 10, 5, white, black)).pixels;
    for (const [name, file] of Object.entries(files)) {
      expect([name, ...fitted(decodePng(file, name)).pixels]).toEqual([name, ...expected]);
    }
  });
});

describe('a garment', () => {
  it('fills the image by its longer side, light on dark', () => {
    const shirt = paint(100, 200, (x, y) => (x >= 30 && x < 70 && y >= 40 && y < 160 ? [20, 20, 20] : [255, 255, 255]));
    const { pixels } = fitPicture(shirt, [1, 28, 28], 'garment');
    const rows = Array.from({ length: 28 }, (_, y) => pixels.subarray(28 * y, 28 * y + 28).some((value) => value > 0));
    expect(rows.every(Boolean)).toBe(true);
    expect(pixels[14 * 28 + 14]).toBe(255);
    expect(pixels[14 * 28]).toBe(0);
  });
});

/** A square picture of black and white as a PNG with a palette of two colours, one bit a pixel. */
function palettePng(rgba: Uint8Array, side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([1, 3, 0, 0, 0], 8);
  const rowBytes = 1 + side / 8;
  const rows = Buffer.alloc(side * rowBytes);
  for (let i = 0; i < side * side; i++) {
    const [y, x] = [Math.floor(i / side), i % side];
    if (rgba[4 * i] > 0) rows[y * rowBytes + 1 + (x >> 3)] |= 0x80 >> (x & 7);
  }
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const palette = Buffer.from([0, 0, 0, 255, 255, 255]);
  const body = [
    pngChunk('IHDR', header),
    pngChunk('PLTE', palette),
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND'),
  ];
  return Buffer.concat([signature, ...body]);
}
