import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodePng } from '../../src/data/pictures/png.ts';
import { encodeAnimation } from '../../src/report/animation.ts';
import { Canvas } from '../../src/report/canvas.ts';
import { captioned, isGrey } from '../../src/report/caption.ts';
import { seriesColour } from '../../src/report/colours.ts';
import { countPixels, decoded, findText, pixel } from './reading.ts';

interface Chunk {
  readonly type: string;
  readonly body: Buffer;
}

/** Every chunk of a file, its checksum checked. */
function chunksOf(file: Buffer): Chunk[] {
  expect(file.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a');
  const chunks: Chunk[] = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const named = file.subarray(at + 4, at + 8 + length);
    expect(file.readUInt32BE(at + 8 + length)).toBe(crc32(named));
    chunks.push({ type: named.toString('latin1', 0, 4), body: named.subarray(4) });
    at += 12 + length;
  }
  return chunks;
}

const png = (chunks: readonly Chunk[]): Buffer =>
  Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    ...chunks.map(({ type, body }) => {
      const named = Buffer.concat([Buffer.from(type), body]);
      const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
      length.writeUInt32BE(body.length);
      sum.writeUInt32BE(crc32(named));
      return Buffer.concat([length, named, sum]);
    }),
  ]);

/** Each frame as a PNG of its own, as a player puts it together, with how long it is shown. */
function framesOf(file: Buffer): { png: Buffer; milliseconds: number }[] {
  const chunks = chunksOf(file);
  const [header, mark, control] = chunks;
  expect([header.type, mark.type, control.type, chunks.at(-1)?.type]).toEqual(['IHDR', 'tEXt', 'acTL', 'IEND']);
  const starts = chunks.flatMap(({ type }, i) => (type === 'fcTL' ? [i] : []));
  // The number of frames, and 0 for repeating for ever.
  expect([control.body.readUInt32BE(0), control.body.readUInt32BE(4)]).toEqual([starts.length, 0]);
  const numbered = chunks.filter(({ type }) => type === 'fcTL' || type === 'fdAT');
  expect(numbered.map(({ body }) => body.readUInt32BE(0))).toEqual(numbered.map((_, i) => i));
  return starts.map((start, i) => {
    const { body } = chunks[start];
    const size = [header.body.readUInt32BE(0), header.body.readUInt32BE(4)];
    expect([4, 8, 12, 16].map((at) => body.readUInt32BE(at))).toEqual([...size, 0, 0]);
    const parts = chunks.slice(start + 1, starts[i + 1] ?? -1);
    expect(new Set(parts.map(({ type }) => type))).toEqual(new Set([i === 0 ? 'IDAT' : 'fdAT']));
    const data = parts.map(({ body: part }) => ({ type: 'IDAT', body: i === 0 ? part : part.subarray(4) }));
    const milliseconds = (1000 * body.readUInt16BE(20)) / body.readUInt16BE(22);
    return { png: png([header, ...data, { type: 'IEND', body: Buffer.alloc(0) }]), milliseconds };
  });
}

const frames = (count: number, channels: 1 | 3): Canvas[] =>
  Array.from({ length: count }, (_, i) => {
    const canvas = new Canvas(90, 40, [i * 20, 200, 100], channels);
    canvas.disc(10 + 12 * i, 20, 9, seriesColour(i));
    return canvas;
  });

describe('an animation', () => {
  for (const channels of [1, 3] as const) {
    it(`of ${channels} channels holds every frame as it was, and the last for longer`, () => {
      const given = frames(7, channels);
      const found = framesOf(encodeAnimation(given, { delay: 150, lastDelay: 2000 }));
      expect(found.map(({ milliseconds }) => milliseconds)).toEqual([150, 150, 150, 150, 150, 150, 2000]);
      given.forEach((frame, i) => {
        expect(Buffer.compare(decoded(found[i].png).rgba, decoded(frame.png()).rgba)).toBe(0);
      });
    });
  }

  it('shows its first frame where animations are not known', () => {
    const [first, ...rest] = frames(3, 3);
    const picture = decoded(encodeAnimation([first, ...rest], { delay: 100, lastDelay: 100 }));
    expect(picture).toEqual(decoded(first.png()));
  });

  it('of one frame is one', () =>
    expect(framesOf(encodeAnimation(frames(1, 3), { delay: 9, lastDelay: 9 }))).toHaveLength(1));

  it('refuses frames of different sizes', () => {
    const odd = [new Canvas(4, 4), new Canvas(4, 5)];
    expect(() => encodeAnimation(odd, { delay: 9, lastDelay: 9 })).toThrow('frame 1 of an animation');
  });
});

describe('a captioned picture', () => {
  it('is the picture above the words', () => {
    const picture = decoded(
      encodePng(
        120,
        30,
        3,
        new Uint8Array(120 * 30 * 3).map((_, i) => i % 251),
      ),
    );
    const whole = decoded(captioned(picture, 'epoch 12', 3).png());
    expect([whole.width, findText(whole, 'epoch 12')?.y]).toEqual([120, 36]);
    for (const [x, y] of [
      [0, 0],
      [119, 29],
      [60, 7],
    ])
      expect(pixel(whole, x, y)).toEqual(pixel(picture, x, y));
    expect(countPixels(whole, [64, 64, 64])).toBeGreaterThan(1000);
  });

  it('is grey where all its pixels are', () => {
    expect(isGrey(decoded(encodePng(2, 1, 1, Uint8Array.of(3, 200))))).toBe(true);
    expect(isGrey(decoded(encodePng(1, 1, 3, Uint8Array.of(3, 3, 4))))).toBe(false);
  });
});
