import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { decodePicture } from '../../src/data/pictures/decode.ts';
import type { Picture } from '../../src/data/pictures/picture.ts';
import { decodePng } from '../../src/data/pictures/png.ts';
import { greyProfile } from './icc.ts';
import { exifOf, pngChunk, pngHeader, pngOf, pngPixels, pngRows, profileChunk } from './png.ts';
import { encodeTiff, type Tiff } from './tiff.ts';

const bytesOf = (values: Float32Array | Float64Array | Uint16Array | Uint32Array | Int16Array): Uint8Array =>
  new Uint8Array(values.buffer);
/** One channel, in the order of the pixels. */
const channel = ({ rgba }: Picture, which = 0): number[] => [...rgba].filter((_, i) => i % 4 === which);
const bigEndian = (values: readonly number[]): Uint8Array => Uint8Array.from(values.flatMap((v) => [v >> 8, v & 255]));

/** Both readers of PNG: a machine without sharp sees the same. */
const READERS = { sharp: decodePicture, pngjs: async (content: Buffer, name: string) => decodePng(content, name) };

const GREYS = Uint8Array.from([10, 50, 90, 130, 170, 210]);

describe('a picture', () => {
  /** Where the upright pixel (x, y) is stored, by the orientation; width and height are the stored ones. */
  const STORED: Record<number, (x: number, y: number, w: number, h: number) => readonly [number, number]> = {
    1: (x, y) => [x, y],
    2: (x, y, w) => [w - 1 - x, y],
    3: (x, y, w, h) => [w - 1 - x, h - 1 - y],
    4: (x, y, _, h) => [x, h - 1 - y],
    5: (x, y) => [y, x],
    6: (x, y, _, h) => [y, h - 1 - x],
    7: (x, y, w, h) => [w - 1 - y, h - 1 - x],
    8: (x, y, w) => [w - 1 - y, x],
  };
  const stored = (orientation: number) => {
    const [width, height] = orientation < 5 ? [3, 2] : [2, 3];
    const pixels = new Uint8Array(6);
    for (let i = 0; i < 6; i++) {
      const [x, y] = STORED[orientation](i % 3, Math.floor(i / 3), width, height);
      pixels[y * width + x] = GREYS[i];
    }
    return { width, height, pixels };
  };

  for (let orientation = 1; orientation <= 8; orientation++) {
    it(`of the orientation ${orientation} is upright, in every format`, async () => {
      const { width, height, pixels } = stored(orientation);
      const raw = sharp(pixels, { raw: { width, height, channels: 1 } }).withMetadata({ orientation });
      const body = [pngHeader(width, height), pngChunk('eXIf', exifOf(orientation)), pngPixels(height, pixels)];
      const files = {
        png: pngOf(...body),
        'png with Exif behind its pixels': pngOf(body[0], body[2], body[1]),
        tiff: encodeTiff({ width, height, data: pixels, more: [[274, 3, [orientation]]] }),
        webp: await raw.clone().webp({ lossless: true }).toBuffer(),
      };
      for (const [name, content] of Object.entries(files)) {
        const picture = await decodePicture(content, name);
        expect([name, picture.width, picture.height, ...channel(picture)]).toEqual([name, 3, 2, ...GREYS]);
      }
    });
  }

  it('has the colours that its profile gives them, in every format and depth', async () => {
    const { icc } = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
      .withIccProfile('p3')
      .png()
      .toBuffer()
      .then((content) => sharp(content).metadata());
    // Display P3's names of sRGB's red, of its green, and of a grey.
    const pixels = Uint8Array.from([234, 51, 35, 117, 251, 76, 128, 128, 128]);
    const deep = Array.from(pixels, (value) => 257 * value);
    const files = {
      png: pngOf(pngHeader(3, 1, 8, 2), profileChunk(icc!), pngPixels(1, pixels)),
      'deep png': pngOf(pngHeader(3, 1, 16, 2), profileChunk(icc!), pngPixels(1, bigEndian(deep))),
      webp: await sharp(pngOf(pngHeader(3, 1, 8, 2), profileChunk(icc!), pngPixels(1, pixels)))
        .keepIccProfile()
        .webp({ lossless: true })
        .toBuffer(),
    };
    for (const [name, content] of Object.entries(files)) {
      const { rgba } = await decodePicture(content, name);
      const expected = [255, 0, 0, 255, 0, 255, 0, 255, 128, 128, 128, 255];
      const worst = Math.max(...expected.map((value, i) => Math.abs(value - rgba[i])));
      expect(worst, `${name}: ${rgba}`).toBeLessThanOrEqual(3);
    }
  });

  it('of grey has the brightness that its profile gives it, in 8 and 16 bits', async () => {
    const profile = profileChunk(greyProfile(1));
    for (const [depth, pixels] of [
      [8, Uint8Array.of(0, 64, 128, 255)],
      [16, bigEndian([0, 64 * 257, 128 * 257, 65_535])],
    ] as const) {
      const picture = await decodePicture(pngOf(pngHeader(4, 1, depth), profile, pngPixels(1, pixels)), 'file');
      expect([depth, ...channel(picture)]).toEqual([depth, 0, 137, 188, 255]);
    }
  });

  it('keeps every byte with the profile of sRGB', async () => {
    const pixels = Buffer.from(Array.from({ length: 3 * 256 }, (_, i) => (i * 89) % 256));
    const raw = sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } });
    const { rgba } = await decodePicture(await raw.withIccProfile('srgb').png().toBuffer(), 'file');
    expect([...rgba].filter((_, i) => i % 4 < 3)).toEqual([...pixels]);
  });

  it('is what its bytes are, whatever its name', async () => {
    const jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } })
      .jpeg()
      .toBuffer();
    expect(channel(await decodePicture(jpeg, 'photo.png'))[0]).toBe(128);
  });

  it('of CMYK is in the colours of a screen', async () => {
    const cmyk = sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 200, g: 40, b: 40 } } });
    const [red, green, blue] = (await decodePicture(await cmyk.toColourspace('cmyk').jpeg().toBuffer(), 'file')).rgba;
    expect([Math.abs(red - 200) < 12, Math.abs(green - 40) < 25, Math.abs(blue - 40) < 25]).toEqual([true, true, true]);
  });
});

describe('a PNG with a gamma', () => {
  const gamma = (value: number): Buffer => {
    const body = Buffer.alloc(4);
    body.writeUInt32BE(value);
    return pngChunk('gAMA', body);
  };
  const read = async (...chunks: Buffer[]) =>
    channel(await decodePicture(pngOf(pngHeader(3, 1), ...chunks, pngPixels(1, Uint8Array.of(0, 128, 255))), 'file'));

  it('is made as bright as it was meant', async () => {
    expect(await read(gamma(100_000))).toEqual([0, Math.round(255 * (128 / 255) ** (1 / 2.2)), 255]);
    // A screen's own, as most files say.
    expect(await read(gamma(45_455))).toEqual([0, 128, 255]);
    const deep = pngOf(pngHeader(1, 1, 16), gamma(100_000), pngPixels(1, bigEndian([655])));
    expect(channel(await decodePicture(deep, 'file'))).toEqual([Math.round(255 * (655 / 65_535) ** (1 / 2.2))]);
  });

  it('is left alone where more is known, or where it is nonsense', async () => {
    expect(await read(gamma(100_000), pngChunk('sRGB', Buffer.of(0)))).toEqual([0, 128, 255]);
    expect(await read(gamma(0))).toEqual([0, 128, 255]);
    expect(await read(gamma(4_000_000_000))).toEqual([0, 128, 255]);
  });
});

describe.each(Object.entries(READERS))('a PNG, read by %s,', (_, read) => {
  const [width, height] = [4, 3];
  const pixels = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
  const header = pngHeader(width, height);
  const good = pngOf(header, pngPixels(height, pixels));
  const rows = pngRows(height, pixels);
  const compressed = deflateSync(rows);
  const data = (body: Uint8Array) => pngChunk('IDAT', Buffer.from(body));
  const frames = (count: number) => pngChunk('acTL', Buffer.from([0, 0, 0, count, 0, 0, 0, 0]));

  const files: Record<string, Buffer> = {
    'as it should be': good,
    'with bytes behind its end': Buffer.concat([good, Buffer.from('trailing')]),
    'with a row too many': pngOf(header, data(deflateSync(Buffer.concat([rows, Buffer.alloc(5)])))),
    'with a byte too many': pngOf(header, data(deflateSync(Buffer.concat([rows, Buffer.alloc(1)])))),
    'with bytes behind its compressed pixels': pngOf(header, data(Buffer.concat([compressed, Buffer.from('more')]))),
    'in many parts': pngOf(header, ...[...compressed].map((byte) => data(Uint8Array.of(byte)))),
    'with a comment about acTL and IDAT': pngOf(
      header,
      pngChunk('tEXt', Buffer.from('Comment\0acTL IDAT')),
      data(compressed),
    ),
    'of one frame': pngOf(header, frames(1), pngChunk('fcTL', Buffer.alloc(26)), data(compressed)),
    'with a damaged comment': pngOf(header, pngChunk('zTXt', Buffer.from('k\0\0junk')), data(compressed)),
    'with a bomb for a comment': pngOf(
      header,
      pngChunk('zTXt', Buffer.concat([Buffer.from('k\0\0'), deflateSync(Buffer.alloc(3e7))])),
      data(compressed),
    ),
    'with a profile that is none': pngOf(header, profileChunk(Buffer.alloc(50)), data(compressed)),
    'of 16 bits': pngOf(pngHeader(width, height, 16), pngPixels(height, bigEndian([...pixels].map((v) => 257 * v)))),
    'of 16 bits, rounded': pngOf(
      pngHeader(width, height, 16),
      pngPixels(height, bigEndian([...pixels].map((v) => Math.max(0, 257 * v - 120)))),
    ),
    'of grey with opacity': pngOf(
      pngHeader(width, height, 8, 4),
      pngPixels(height, Uint8Array.from([...pixels].flatMap((v) => [v, 255]))),
    ),
    'of a palette': pngOf(
      pngHeader(width, height, 8, 3),
      pngChunk('PLTE', Buffer.from([...pixels].flatMap((v) => [v, v, v]))),
      pngPixels(height, Uint8Array.from(pixels.keys())),
    ),
    interlaced: pngOf(pngHeader(width, height, 8, 0, 1), data(deflateSync(passes()))),
  };

  /** Adam7's passes over 4 × 3 pixels, of which the second and third are empty; rows by their first pixel and step. */
  function passes(): Buffer {
    const row = (y: number, x: number, step: number) => [
      0,
      ...Array.from({ length: Math.ceil((width - x) / step) }, (_, i) => pixels[y * width + x + i * step]),
    ];
    const all = [row(0, 0, 8), row(0, 2, 4), row(2, 0, 2), row(0, 1, 2), row(2, 1, 2), row(1, 0, 1)];
    return Buffer.from(all.flat());
  }

  for (const [name, content] of Object.entries(files)) {
    it(`${name}, is the picture`, async () => {
      const picture = await read(content, 'file');
      expect([picture.width, picture.height, ...channel(picture)]).toEqual([width, height, ...pixels]);
      expect(channel(picture, 3)).toEqual(Array(12).fill(255));
    });
  }

  const flipped = Buffer.from(good);
  flipped[good.length - 14] ^= 0xff;
  const broken: Record<string, Buffer> = {
    'cut in its pixels': good.subarray(0, good.length - 24),
    'with a wrong checksum of its pixels': flipped,
    'of too few pixels': pngOf(header, data(deflateSync(rows.subarray(0, 9)))),
    'without pixels': pngOf(header),
    'of nonsense for pixels': pngOf(header, data(Buffer.from('nonsense'))),
    'with a wrong filter': pngOf(header, data(deflateSync(Buffer.from(rows).fill(9, 5, 6)))),
    'with two headers': pngOf(header, header, data(compressed)),
    'with a second header that is short': pngOf(header, pngChunk('IHDR', Buffer.alloc(3)), data(compressed)),
    'of no kind of colour': pngOf(pngHeader(width, height, 8, 5), data(compressed)),
    'without width': pngOf(pngHeader(0, height), data(compressed)),
    'of a palette without one': pngOf(pngHeader(width, height, 8, 3), data(compressed)),
  };
  for (const [name, content] of Object.entries(broken)) {
    it(`${name}, is refused`, async () => {
      await expect(read(content, 'file')).rejects.toThrow(InputError);
      await expect(read(content, 'file')).rejects.toThrow(/^file: [^\n]+$/);
    });
  }

  it('too large, is refused by its header', async () => {
    const claims = (w: number, h: number, ...kind: [number?, number?, number?]) =>
      read(pngOf(pngHeader(w, h, ...kind), data(compressed)), 'file');
    await expect(claims(60_000, 60_000)).rejects.toThrow(
      'file: 60000 × 60000 pixels are too many (at most 100 million); scale it down first',
    );
    await expect(claims(50_000_000, 2)).rejects.toThrow('are too many in a row (at most 100,000)');
    await expect(claims(9000, 9000, 16, 6, 1)).rejects.toThrow(/9000 × 9000 pixels of this kind take \d+ MB to decode/);
  });
});

describe('a PNG of several frames', () => {
  it('is refused, with their number', async () => {
    const frames = pngChunk('acTL', Buffer.from([0, 0, 0, 3, 0, 0, 0, 0]));
    await expect(decodePicture(pngOf(pngHeader(6, 1), frames, pngPixels(1, GREYS)), 'a.png')).rejects.toThrow(
      'a.png: it is animated or has 3 pages; expected a single picture',
    );
  });
});

describe('a TIFF', () => {
  const ramp = [0, 0.25, 0.5, 1];
  const expected = [0, 64, 128, 255];
  const grey = (more: Partial<Tiff> & Pick<Tiff, 'data'>): Tiff => ({ width: 4, height: 1, ...more });
  const [bytes, inverse] = [Uint8Array.from(expected), Uint8Array.from(expected, (v) => 255 - v)];
  const floats = (scale: number) => bytesOf(Float32Array.from(ramp, (v) => v * scale));
  const thrice = (values: readonly number[], more: readonly number[] = []) => values.flatMap((v) => [v, v, v, ...more]);
  const shorts = bytesOf(Uint16Array.from(expected, (v) => 257 * v));
  const colour: Tiff = { width: 4, height: 1, samples: 3, data: Uint8Array.from(thrice(expected)) };

  const right: Record<string, Tiff> = {
    'of bytes': grey({ data: bytes }),
    'of bytes, 0 being white': grey({ data: inverse, photometric: 0 }),
    'of 16 bits': grey({ bits: 16, data: shorts }),
    'of colours of 16 bits': { ...colour, bits: 16, data: bytesOf(Uint16Array.from(thrice(expected), (v) => 257 * v)) },
    'of floats from 0 to 1': grey({ bits: 32, format: 3, data: floats(1) }),
    'of floats, 0 being white': grey({
      bits: 32,
      format: 3,
      photometric: 0,
      data: bytesOf(Float32Array.from(ramp, (v) => 1 - v)),
    }),
    'of colours of floats': { ...colour, bits: 32, format: 3, data: bytesOf(Float32Array.from(thrice(ramp))) },
    'of floats with opacity': {
      ...colour,
      samples: 4,
      bits: 32,
      format: 3,
      extraSamples: [2],
      data: bytesOf(Float32Array.from(thrice(ramp, [1]))),
    },
    'of planes': { ...colour, planar: 2, data: Uint8Array.from([...expected, ...expected, ...expected]) },
    'of grey with opacity': grey({
      samples: 2,
      photometric: 1,
      extraSamples: [2],
      data: Uint8Array.from(expected.flatMap((v) => [v, 255])),
    }),
    'with a mask that is no opacity': {
      ...colour,
      samples: 4,
      extraSamples: [0],
      data: Uint8Array.from(thrice(expected, [7])),
    },
    'of more than 4 GB, perhaps': grey({ data: bytes, big: true }),
    'with a smaller copy of itself': grey({ data: bytes, directories: [0, 1] }),
    'with a smaller copy before itself': grey({ data: bytes, directories: [1, 0] }),
  };
  for (const [name, tiff] of Object.entries(right)) {
    it(`${name}, is the picture`, async () => {
      const picture = await decodePicture(encodeTiff(tiff), 'file');
      expect(channel(picture)).toEqual(expected);
      expect(channel(picture, 2)).toEqual(expected);
      expect(channel(picture, 3)).toEqual([255, 255, 255, 255]);
    });
  }

  for (const [name, samples] of Object.entries({ grey: 1, colours: 3 })) {
    it(`of floats of ${name} keeps its opacity`, async () => {
      const data = bytesOf(Float32Array.from([0, 0.25, 0.5, 1].flatMap((v) => [...Array(samples).fill(v), 1 - v])));
      const kind = {
        width: 4,
        height: 1,
        samples: samples + 1,
        photometric: samples === 1 ? 1 : 2,
        bits: 32,
        format: 3,
      };
      const picture = await decodePicture(encodeTiff({ ...kind, extraSamples: [2], data }), 'file');
      expect([channel(picture), channel(picture, 2), channel(picture, 3)]).toEqual([
        [0, 64, 128, 255],
        [0, 64, 128, 255],
        [255, 191, 128, 0],
      ]);
    });
  }

  it('of YCbCr compressed as JPEG is the picture', async () => {
    const raw = { width: 16, height: 16, channels: 3 } as const;
    const green = Buffer.from(Array.from({ length: 256 }, () => [20, 200, 40]).flat());
    const file = await sharp(green, { raw }).tiff({ compression: 'jpeg', quality: 80 }).toBuffer();
    const { rgba } = await decodePicture(file, 'file');
    for (const [i, value] of [20, 200, 40].entries()) expect(Math.abs(rgba[i] - value)).toBeLessThan(6);
  });

  it('of one bit is black and white', async () => {
    const tiff = encodeTiff({ width: 8, height: 1, bits: 1, data: Uint8Array.of(0b10110001) });
    expect(channel(await decodePicture(tiff, 'file'))).toEqual([255, 0, 255, 255, 0, 0, 0, 255]);
  });

  it('of Lab colours of 16 bits is grey where they are', async () => {
    const lab = Uint16Array.from([0, 0, 0, 65_535, 0, 0]);
    const tiff = encodeTiff({ width: 2, height: 1, samples: 3, bits: 16, photometric: 8, data: bytesOf(lab) });
    expect(channel(await decodePicture(tiff, 'file'))).toEqual([0, 255]);
  });

  const expects = 'expected 8 or 16 bits, or floats of 32 bits from 0 to 1: save it as a PNG';
  const refused: Record<string, readonly [Tiff, string]> = {
    'of floats from 0 to 255': [
      grey({ bits: 32, format: 3, data: floats(255) }),
      'its samples are floats from 0 to 255; expected 0 to 1: scale them, or save it with 8 or 16 bits',
    ],
    'of floats below 0': [grey({ bits: 32, format: 3, data: floats(-1) }), 'its samples are floats from -1 to 0;'],
    'of floats that are no numbers': [
      grey({ bits: 32, format: 3, data: floats(Number.NaN) }),
      'its samples are floats, of which some are not numbers; expected 0 to 1',
    ],
    'of long floats': [
      grey({ bits: 64, format: 3, data: bytesOf(Float64Array.from(ramp)) }),
      `its samples are floats of 64 bits; ${expects}`,
    ],
    'of short floats': [grey({ bits: 16, format: 3, data: shorts }), `its samples are floats of 16 bits; ${expects}`],
    'of 32 bits': [
      grey({ bits: 32, data: bytesOf(Uint32Array.from(expected)) }),
      `its samples are integers of 32 bits; ${expects}`,
    ],
    'of signed numbers': [
      grey({ bits: 16, format: 2, data: bytesOf(Int16Array.from(expected)) }),
      `its samples are signed integers of 16 bits; ${expects}`,
    ],
    'of signed bytes': [grey({ format: 2, data: bytes }), 'its samples are signed integers of 8 bits'],
    'of 12 bits': [grey({ bits: 12, data: new Uint8Array(6) }), 'its samples are integers of 12 bits'],
    'of complex numbers': [
      grey({ bits: 64, format: 6, data: new Uint8Array(32) }),
      'its samples are complex floats of 64 bits',
    ],
    'of Lab colours of 8 bits': [{ ...colour, photometric: 8 }, 'its Lab colours are of 8 bits; expected 16'],
    'of many channels': [
      grey({ samples: 3, photometric: 1, extraSamples: [0, 0], data: colour.data }),
      'it has 3 channels; expected grey or colour: save it as a PNG',
    ],
    'of YCbCr that is no JPEG': [
      { ...colour, photometric: 6, more: [[530, 3, [1, 1]]] },
      'its colours are YCbCr, which is read only when compressed as JPEG; convert it to PNG',
    ],
    'of log-encoded colours': [grey({ photometric: 32_844, data: bytes }), 'its colours are of kind 32844'],
    'of two pages': [
      grey({ data: bytes, directories: [0, 0] }),
      'it is animated or has 2 pages; expected a single picture',
    ],
    'of a camera': [grey({ data: bytes, more: [[50_706, 4, [1]]] }), 'it is a raw photograph; develop it'],
  };
  for (const [name, [tiff, message]] of Object.entries(refused)) {
    it(`${name}, is refused with what was found`, async () => {
      const reading = decodePicture(encodeTiff(tiff), 'a.tif');
      await expect(reading).rejects.toThrow(InputError);
      await expect(reading).rejects.toThrow(`a.tif: ${message}`);
    });
  }

  it('whose directories lead in a circle, or nowhere, is refused', async () => {
    const circle = encodeTiff(grey({ data: bytes }));
    // The offset of the next directory is the last entry; it leads back to the first.
    const start = circle.readUInt32LE(4);
    circle.writeUInt32LE(start, start + 2 + 12 * circle.readUInt16LE(start));
    const nowhere = Buffer.from(circle).fill(0xff, 4, 8);
    for (const content of [circle, nowhere]) {
      await decodePicture(content, 'file').catch((error) => expect(error).toBeInstanceOf(InputError));
    }
    await expect(decodePicture(nowhere, 'file')).rejects.toThrow(InputError);
  });
});

describe('a file that is no picture, or none that is read,', () => {
  const text = (content: string) => Buffer.from(content);
  const box = (...brands: string[]) =>
    Buffer.concat([
      Buffer.from([0, 0, 0, 8 + 4 * brands.length + 4]),
      text(`ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`),
    ]);
  const bmp = Buffer.alloc(60);
  bmp.write('BM');
  bmp.writeUInt32LE(40, 14);
  const tga = Buffer.concat([Buffer.alloc(30, 1), text('TRUEVISION-XFILE.\0')]);
  const unread = (what: string) => `it is ${what}, which is not read here; convert it to PNG`;
  const instead = (what: string) => `expected a picture, but it is ${what}`;
  const files: Record<string, readonly [Buffer, string]> = {
    empty: [Buffer.alloc(0), 'the file is empty'],
    'a BMP': [bmp, unread('a BMP')],
    'a TGA': [tga, unread('a TGA')],
    'an icon': [Buffer.from('00000100010010100000', 'hex'), unread('an icon (ICO)')],
    'a HEIC': [box('heic', 'mif1', 'heic'), unread('a HEIC')],
    'a HEIC of the general brand': [box('mif1', 'heic'), unread('a HEIC')],
    'a video': [box('isom', 'mp41'), `${instead('a video')}; save its frames as PNGs`],
    'a Photoshop file': [text('8BPS\0\u0001'), unread('a Photoshop file (PSD)')],
    'a JPEG XL': [Buffer.from('ff0a0000', 'hex'), unread('a JPEG XL')],
    'a JPEG 2000': [Buffer.from('0000000c6a5020200d0a', 'hex'), unread('a JPEG 2000')],
    'a Netpbm': [text('P5\n1 1\n255\n0'), unread('a Netpbm picture (PBM, PGM, PPM)')],
    'a PDF': [text('%PDF-1.7'), unread('a PDF')],
    'a drawing': [
      text('<?xml version="1.0"?>\n<!-- hi --><svg xmlns="http://www.w3.org/2000/svg"/>'),
      unread('an SVG drawing'),
    ],
    'a web page': [
      text('\ufeff\n<!DOCTYPE html><title>404</title>'),
      `${instead('a web page')}; download the picture itself`,
    ],
    'a text that begins with BM': [text('BMW is a maker of cars'), instead('a text file')],
    'a text': [text('hällo'), `${instead('a text file')}; give a picture instead`],
    'an archive': [Buffer.from('504b030414000000', 'hex'), `${instead('a ZIP archive')}; unpack it first`],
    unknown: [Buffer.from([1, 2, 3, 4]), 'expected a picture, but it is no PNG, JPEG, WebP or other format'],
  };
  for (const [name, [content, message]] of Object.entries(files)) {
    it(`such as ${name}, is called what it is`, async () => {
      await expect(decodePicture(content, 'a.jpg')).rejects.toThrow(`a.jpg: ${message}`);
      await expect(decodePicture(content, 'a.jpg')).rejects.toThrow(InputError);
    });
  }
});

/** 40 × 30 pixels of soft waves, in each format. */
const waves = Buffer.from(
  Array.from({ length: 3600 }, (_, i) => 128 + 100 * Math.sin(i / 40 + (i % 3)) * Math.cos(Math.floor(i / 120) / 7)),
);
const drawn = () => sharp(waves, { raw: { width: 40, height: 30, channels: 3 } });
const FILES: Readonly<Record<string, () => Promise<Buffer>>> = {
  png: () => drawn().png().toBuffer(),
  jpeg: () => drawn().jpeg({ quality: 95 }).toBuffer(),
  'progressive jpeg': () => drawn().jpeg({ progressive: true }).toBuffer(),
  webp: () => drawn().webp().toBuffer(),
  'lossless webp': () => drawn().webp({ lossless: true }).toBuffer(),
  gif: () => drawn().gif().toBuffer(),
  tiff: () => drawn().tiff({ compression: 'lzw' }).toBuffer(),
  avif: () => drawn().avif({ effort: 0 }).toBuffer(),
};

describe('a damaged file', () => {
  for (const [name, make] of Object.entries(FILES)) {
    it(`of ${name}, cut short, is refused`, async () => {
      const whole = await make();
      expect((await decodePicture(whole, 'file')).width).toBe(40);
      for (const share of [0.1, 0.4, 0.7, 0.95]) {
        const cut = whole.subarray(0, Math.floor(share * whole.length));
        await expect(decodePicture(cut, 'file')).rejects.toThrow(/^file: [^\n]+$/);
        await expect(decodePicture(cut, 'file')).rejects.toThrow(InputError);
      }
    });
  }

  for (const name of ['jpeg', 'gif', 'tiff']) {
    it(`of ${name}, of which the middle is lost, is refused`, async () => {
      const hollow = await FILES[name]();
      // The end of a TIFF is its directory.
      hollow.fill(0, Math.floor(0.45 * hollow.length), Math.floor(0.7 * hollow.length));
      await expect(decodePicture(hollow, 'file')).rejects.toThrow(/cannot be read \(/);
    });
  }

  it('of JPEG with bytes too many is read, as all programs do', async () => {
    for (const name of ['jpeg', 'progressive jpeg']) {
      const whole = await FILES[name]();
      const end = whole.length - 2;
      const more = Buffer.concat([whole.subarray(0, end), Buffer.from('00112233', 'hex'), whole.subarray(end)]);
      expect((await decodePicture(more, 'file')).rgba).toEqual((await decodePicture(whole, 'file')).rgba);
    }
  });

  it('of any format gives a picture or an InputError of one line', async () => {
    const wholes = await Promise.all(Object.values(FILES).map((make) => make()));
    const damage = fc.record({
      file: fc.nat({ max: wholes.length - 1 }),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
      // Most damage that matters is in a header.
      inHeader: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ file, at, bytes, inHeader }) => {
        const content = Buffer.from(wholes[file]);
        content.set(
          bytes,
          Math.floor(at * ((inHeader ? Math.min(200, content.length) : content.length) - bytes.length)),
        );
        try {
          const { width, height, rgba } = await decodePicture(content, 'file');
          expect(rgba.length).toBe(4 * width * height);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as Error).message).toMatch(/^file: [^\n]+$/);
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe('a picture that asks for too much', () => {
  it('by its many passes is refused before they begin', async () => {
    const jpeg = await FILES['progressive jpeg']();
    const frame = jpeg.indexOf(Buffer.from('ffc2', 'hex'));
    jpeg.writeUInt16BE(5000, frame + 5);
    jpeg.writeUInt16BE(8000, frame + 7);
    const scan = jpeg.lastIndexOf(Buffer.from('ffda', 'hex'));
    const many = Buffer.concat([jpeg.subarray(0, -2), ...Array(50).fill(jpeg.subarray(scan, -2)), jpeg.subarray(-2)]);
    await expect(decodePicture(many, 'a.jpg')).rejects.toThrow(
      /^a\.jpg: 8000 × 5000 pixels in \d\d passes take too long to decode; save it again as a JPEG that is not progressive$/,
    );
  });

  it('by its size is refused by its header, in every format', async () => {
    const tiff = encodeTiff({ width: 0x7fffffff, height: 2, data: Uint8Array.of(1) });
    await expect(decodePicture(tiff, 'a.tif')).rejects.toThrow('a.tif: 2147483647 × 2 pixels are too many');
    const avif = await FILES.avif();
    avif.writeUInt32BE(922_714_240, avif.indexOf('ispe') + 12);
    await expect(decodePicture(avif, 'a.avif')).rejects.toThrow('a.avif: 40 × 922714240 pixels are too many');
    const jpeg = await FILES.jpeg();
    const frame = jpeg.indexOf(Buffer.from('ffc0', 'hex'));
    jpeg.writeUInt16BE(60_000, frame + 5);
    jpeg.writeUInt16BE(60_000, frame + 7);
    await expect(decodePicture(jpeg, 'a.jpg')).rejects.toThrow('a.jpg: 60000 × 60000 pixels are too many');
  });
});

describe('without sharp', () => {
  afterEach(() => {
    vi.doUnmock('sharp');
    vi.resetModules();
  });
  const without = async () => {
    vi.resetModules();
    vi.doMock('sharp', () => {
      throw new Error('not installed');
    });
    return (await import('../../src/data/pictures/decode.ts')).decodePicture;
  };

  it('a PNG is read, and what is not done is said', async () => {
    const read = await without();
    const plain = pngOf(pngHeader(6, 1), pngPixels(1, GREYS));
    const [found, expected] = [await read(plain, 'file'), await decodePicture(plain, 'file')];
    expect([...found.rgba]).toEqual([...expected.rgba]);
    expect(found.ignored).toBeUndefined();
    const { ignored } = await read(
      pngOf(pngHeader(6, 1), profileChunk(greyProfile(1)), pngChunk('eXIf', exifOf(6)), pngPixels(1, GREYS)),
      'file',
    );
    expect(ignored).toBe('read without orientation and colour profile, because the package sharp cannot be loaded');
  });

  it('another format is named, with what to do', async () => {
    const read = await without();
    await expect(read(await FILES.jpeg(), 'a.jpg')).rejects.toThrow(
      'a.jpg: it is a JPEG: the package sharp cannot be loaded here; convert to PNG, or install vae again with its optional packages',
    );
  });
});
