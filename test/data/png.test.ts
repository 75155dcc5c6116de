import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { decodePng, encodePng, isDrawn, markAsDrawn } from '../../src/data/pictures/png.ts';
import { Canvas } from '../../src/report/canvas.ts';

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

  it('know what this program has drawn, and are read alike', () => {
    const png = encodePng(3, 2, 1, new Uint8Array(6).fill(7));
    expect([isDrawn(png), isDrawn(markAsDrawn(png)), isDrawn(Buffer.alloc(0))]).toEqual([false, true, false]);
    expect(decodePng(markAsDrawn(png), 'file')).toEqual(decodePng(png, 'file'));
    const drawing = new Canvas(4, 4).png();
    expect(isDrawn(drawing)).toBe(true);
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
    ['text', Buffer.from('hello'), 'file: expected a PNG, but it is a text file; give a picture instead'],
    ['nothing known', Buffer.of(1, 2, 3), 'file: expected a PNG, but it is something else; convert it to PNG first'],
    ['cut short', valid.subarray(0, valid.length - 20), 'file: damaged PNG'],
    ['cut in the header', valid.subarray(0, 20), 'file: damaged PNG (it has no header)'],
    ['without an end', valid.subarray(0, -12), 'file: damaged PNG (cut short)'],
    ['altered', flipped, 'file: damaged PNG (the checksum of IDAT is wrong)'],
    ['larger than memory', withSize(2 ** 30), 'are too many (at most 100 million)'],
    ['without width', withSize(0), 'it has no pixels'],
    ['wider than their pixels', withSize(4), 'pixels are missing'],
    ['a bomb', withPixels(deflateSync(Buffer.alloc(1e6))), 'it has more pixels than its header says'],
    ['without pixels', withPixels(Buffer.alloc(0)), 'its pixels cannot be decompressed'],
    ['of nonsense pixels', withPixels(Buffer.from('nonsense')), 'its pixels cannot be decompressed'],
    ['of too few pixels', withPixels(deflateSync(Buffer.alloc(5))), 'pixels are missing'],
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
