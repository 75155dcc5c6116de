import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';
import { binariseOnce } from '../../src/data/binarise.ts';
import { type ImageSet, pixelsAt, residentImages } from '../../src/data/dataset.ts';
import { fitPicture } from '../../src/data/fit.ts';
import { parseIdx } from '../../src/data/idx.ts';
import { type DatasetOptions, loadDataset } from '../../src/data/index.ts';
import type { Picture } from '../../src/data/picture.ts';
import { decodePng, encodePng } from '../../src/data/png.ts';
import { InputError } from '../../src/errors.ts';
import { encodeIdx, writeDigits } from './digits.ts';
import { silent } from './report.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-data-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('IDX files', () => {
  const file = encodeIdx([2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6));

  it('are read, gzipped or not', () => {
    for (const content of [file, gzipSync(file)]) {
      const { shape, values } = parseIdx(content, 'file');
      expect(shape).toEqual([2, 3]);
      expect([...values]).toEqual([1, 2, 3, 4, 5, 6]);
    }
  });

  const broken: readonly (readonly [string, Uint8Array, string])[] = [
    ['empty', new Uint8Array(0), 'file: expected an IDX file, got 0 bytes'],
    ['of text', Buffer.from('hello world'), 'file: not an IDX file of unsigned bytes (it starts with 0x68656c6c'],
    ['of floats', Buffer.from('00000d0100000000', 'hex'), 'not an IDX file of unsigned bytes'],
    ['cut in the header', file.subarray(0, 9), 'file: cut short inside its header (9 bytes)'],
    ['cut in the values', file.subarray(0, 15), 'file: cut short: its header, 2 × 3, asks for 18 bytes and it has 15'],
    ['too long', Buffer.concat([file, file]), 'longer than its header says'],
    ['damaged gzip', gzipSync(file).subarray(0, 20), 'file: damaged gzip data'],
  ];
  for (const [name, content, message] of broken) {
    it(`that are ${name} are refused`, () => expect(() => parseIdx(content, 'file')).toThrow(message));
  }

  it('of any bytes give values or an InputError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, magic) => {
        if (magic) bytes.set([0, 0, 8].slice(0, bytes.length));
        try {
          const { shape, values } = parseIdx(bytes, 'file');
          expect(values.length).toBe(shape.reduce((product, n) => product * n, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a folder of IDX files', () => {
  const load = (options: Partial<DatasetOptions>) =>
    loadDataset({ dataset: 'mnist', binarise: 'none', validation: 0, seed: 1, ...options }, silent);

  it('is read as a dataset', async () => {
    const dataDir = path.join(folder, 'good');
    writeDigits(dataDir, 40, 10);
    const { train, test, imageShape } = await load({ dataDir });
    expect([train.count, test.count, ...imageShape]).toEqual([40, 10, 1, 8, 8]);
    expect(residentImages(train)).toHaveLength(40 * 64);
  });

  it('without one of the four says which', async () => {
    const dataDir = path.join(folder, 'partial');
    writeDigits(dataDir, 4, 2);
    rmSync(path.join(dataDir, 't10k-labels-idx1-ubyte'));
    await expect(load({ dataDir })).rejects.toThrow('has no t10k-labels-idx1-ubyte (nor t10k-labels-idx1-ubyte.gz)');
  });

  it('whose labels do not fit its images is refused', async () => {
    const dataDir = path.join(folder, 'unequal');
    writeDigits(dataDir, 4, 2);
    writeFileSync(path.join(dataDir, 'train-labels-idx1-ubyte'), encodeIdx([3], new Uint8Array(3)));
    await expect(load({ dataDir })).rejects.toThrow('expected 4 labels, one an image, got 3');
  });

  it('that is not there is refused', async () => {
    await expect(load({ dataDir: path.join(folder, 'none') })).rejects.toThrow('no such folder');
  });

  it('gives a validation set by the seed: disjoint, complete, repeatable', async () => {
    const dataDir = path.join(folder, 'split');
    writeDigits(dataDir, 30, 5);
    const split = (seed: number) => load({ dataDir, validation: 10, seed });
    const { train, validation } = await split(1);
    const key = (set: ImageSet) => Array.from({ length: set.count }, (_, i) => pixelsAt(set, Int32Array.of(i)).join());
    const all = [...key(train), ...key(validation)].sort();
    const whole = (await load({ dataDir })).train;
    expect(all).toEqual(key(whole).sort());
    expect((await split(1)).validation.images).toEqual(validation.images);
    expect((await split(2)).validation.images).not.toEqual(validation.images);
  });

  it('is not all set aside for validation', async () => {
    const dataDir = path.join(folder, 'good');
    await expect(load({ dataDir, validation: 40 })).rejects.toThrow('--validation 40 leaves nothing to train on');
  });

  it('keeps its grey images when they are binarised', async () => {
    const { train } = await load({ dataDir: path.join(folder, 'good') });
    const before = Uint8Array.from(residentImages(train));
    binariseOnce(train, 'evaluation', 1);
    expect(residentImages(train)).toEqual(Buffer.from(before));
  });

  it('is binarised once by the seed, with the grey value as probability', async () => {
    const dataDir = path.join(folder, 'grey');
    mkdirSync(dataDir);
    writeDigits(dataDir, 400, 5, () => 51);
    const binarised = async (seed: number) => residentImages((await load({ dataDir, binarise: 'static', seed })).train);
    const once = await binarised(1);
    expect(new Set(once)).toEqual(new Set([0, 255]));
    const share = once.filter((value) => value === 255).length / (400 * 64);
    expect(Math.abs(share - 0.2)).toBeLessThan(5 * Math.sqrt(0.16 / (400 * 64)));
    expect(await binarised(1)).toEqual(once);
    expect(await binarised(2)).not.toEqual(once);
  });
});

describe('the official MNIST', async () => {
  const options = { dataset: 'mnist', binarise: 'none', validation: 0, seed: 1 } as const;
  const { train, test, imageShape } = await loadDataset(options, silent);
  it('has 60,000 and 10,000 images of 28 × 28 with their labels', () => {
    expect([train.count, test.count, ...imageShape]).toEqual([60_000, 10_000, 1, 28, 28]);
    expect([...train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect([...test.labels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
  });
  it('has the mean brightness that everyone finds: 0.1307', () => {
    const images = residentImages(train);
    expect(images.reduce((sum, value) => sum + value, 0) / 255 / images.length).toBeCloseTo(0.1307, 4);
  });
});

describe('PNG files', () => {
  it('of grey and of colour come back as they were written', () => {
    for (const channels of [1, 3] as const) {
      const bytes = Uint8Array.from({ length: 6 * channels }, (_, i) => (i * 41) % 256);
      const { width, height, rgba } = decodePng(encodePng(3, 2, channels, bytes), 'file');
      expect([width, height]).toEqual([3, 2]);
      for (let i = 0; i < 6; i++) {
        expect([...rgba.subarray(4 * i, 4 * i + 3)]).toEqual(
          [0, 1, 2].map((c) => bytes[i * channels + (channels === 1 ? 0 : c)]),
        );
      }
    }
  });

  const valid = encodePng(3, 2, 1, new Uint8Array(6));
  /** The same file with some of its bytes changed, and its chunks' checksums put right. */
  const edited = (edit: (file: Buffer) => Buffer): Buffer => {
    const file = edit(Buffer.from(valid));
    for (let at = 8; at + 12 <= file.length; at += 12 + file.readUInt32BE(at)) {
      const end = at + 8 + file.readUInt32BE(at);
      file.writeUInt32BE(crc32(file.subarray(at + 4, end)), end);
    }
    return file;
  };
  const withSize = (width: number) =>
    edited((file) => {
      file.writeUInt32BE(width, 16);
      return file;
    });
  const pixelsAt = 41;
  const pixelBytes = valid.readUInt32BE(33);
  const withPixels = (pixels: Buffer) =>
    edited((file) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(pixels.length);
      return Buffer.concat([
        file.subarray(0, 33),
        length,
        file.subarray(37, pixelsAt),
        pixels,
        file.subarray(pixelsAt + pixelBytes),
      ]);
    });
  const flipped = Buffer.from(valid);
  flipped[45] ^= 0xff;
  const broken: readonly (readonly [string, Buffer, string])[] = [
    ['empty', Buffer.alloc(0), 'file: the file is empty; expected a PNG'],
    [
      'a JPEG',
      Buffer.from('ffd8ffe000104a464946', 'hex'),
      'file: expected a PNG, but it is a JPEG; convert it to PNG first',
    ],
    ['text', Buffer.from('hello'), 'expected a PNG, but it is something else'],
    ['cut short', valid.subarray(0, valid.length - 20), 'file: damaged PNG'],
    ['cut in the header', valid.subarray(0, 20), 'file: damaged PNG (cut short)'],
    ['altered', flipped, 'file: damaged PNG (the checksum of IDAT is wrong)'],
    ['larger than memory', withSize(2 ** 30), 'are too many (at most 100 million)'],
    ['without width', withSize(0), 'it has no pixels'],
    ['wider than their pixels', withSize(4), 'pixels are missing or too many'],
    ['narrower than their pixels', withSize(2), 'more pixels than its header says'],
    ['without pixels', withPixels(Buffer.alloc(0)), 'its pixels cannot be decompressed'],
    ['of nonsense pixels', withPixels(Buffer.from('nonsense')), 'its pixels cannot be decompressed'],
    ['of too few pixels', withPixels(deflateSync(Buffer.alloc(5))), 'pixels are missing or too many'],
  ];
  for (const [name, content, message] of broken) {
    it(`that are ${name} are refused`, () => expect(() => decodePng(content, 'file')).toThrow(message));
  }

  it('may have something behind their end', () => {
    expect(decodePng(Buffer.concat([valid, Buffer.from('trailing')]), 'file').width).toBe(3);
  });

  it('of any bytes give a picture or an InputError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 60 }), (bytes, at) => {
        const damaged = Buffer.from(valid);
        damaged.set(bytes.subarray(0, damaged.length - at), at);
        try {
          decodePng(damaged, 'file');
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a picture of any kind', () => {
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
    };
    for (const [name, picture] of Object.entries(variants))
      expect([name, ...fitted(picture).pixels]).toEqual([name, ...expected]);
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

/** A square picture of black and white as a PNG with a palette of two colours, one bit a pixel. */
function palettePng(rgba: Uint8Array, side: number): Buffer {
  const chunk = (type: string, body: Buffer) => {
    const typed = Buffer.concat([Buffer.from(type), body]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    checksum.writeUInt32BE(crc32(typed));
    return Buffer.concat([length, typed, checksum]);
  };
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
    chunk('IHDR', header),
    chunk('PLTE', palette),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat([signature, ...body]);
}
