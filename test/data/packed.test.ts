import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { binariseOnce } from '../../src/data/binarise.ts';
import {
  type Dataset,
  fingerprint,
  firstImages,
  type ImageSet,
  pixelsAt,
  residentImages,
  select,
  splitValidation,
} from '../../src/data/dataset.ts';
import { openPack, PackWriter } from '../../src/data/folders/packed.ts';
import { randomBits } from '../../src/random/random.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-packed-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [COUNT, PIXELS] = [50, 12];
const bytes = new Uint8Array(
  randomBits({ seed: 1, stream: 'pixels', step: 0 }, (COUNT * PIXELS) / 4).buffer,
  0,
  COUNT * PIXELS,
);
const labels = Uint8Array.from({ length: COUNT }, (_, i) => i % 10);

const file = path.join(folder, 'images.pack');
const writer = new PackWriter(file, PIXELS);
for (let i = 0; i < COUNT; i++) writer.append(bytes.subarray(i * PIXELS, (i + 1) * PIXELS));
writer.finish({ some: 'thing' });

const opened = openPack<{ some: string }>(file)!;
const resident: ImageSet = { count: COUNT, images: bytes, labels };
const packed: ImageSet = { count: COUNT, images: opened.images, labels };
afterAll(() => opened.images.close());

const content = (set: ImageSet) => ({ count: set.count, labels: [...set.labels], pixels: [...residentImages(set)] });

describe('images in a file', () => {
  it('come with what was kept about them', () => {
    expect([opened.count, opened.about, opened.images.pixels]).toEqual([COUNT, { some: 'thing' }, PIXELS]);
    expect(readdirSync(folder)).toEqual(['images.pack']);
  });

  it('are those that were written, at any positions in any order', () => {
    const positions = fc.array(fc.nat({ max: COUNT - 1 }), { maxLength: 80 });
    fc.assert(
      fc.property(positions, (some) => {
        const chosen = Int32Array.from(some);
        expect(pixelsAt(packed, chosen)).toEqual(pixelsAt(resident, chosen));
      }),
    );
  });

  it('are chosen, split and binarised as those in memory are', () => {
    const chosen = Int32Array.of(7, 3, 3, 49, 0);
    const ways: Record<string, (set: ImageSet) => ImageSet> = {
      select: (set) => select(set, chosen),
      first: (set) => firstImages(set, 8),
      all: (set) => firstImages(set, 1000),
      none: (set) => firstImages(set, 0),
      train: (set) => splitValidation(set, 20, 3).train,
      validation: (set) => splitValidation(set, 20, 3).validation,
      binarised: (set) => binariseOnce(set, 'train', 5),
      'binarised and split': (set) => splitValidation(binariseOnce(set, 'train', 5), 20, 3).train,
      'split and binarised': (set) => binariseOnce(splitValidation(set, 20, 3).train, 'evaluation', 5),
    };
    for (const [name, way] of Object.entries(ways)) {
      expect([name, content(way(packed))]).toEqual([name, content(way(resident))]);
    }
  });

  it('have a fingerprint that tells which they are', () => {
    const dataset = (train: ImageSet): Dataset => ({
      name: 'test',
      fit: 'photo',
      classes: [],
      imageShape: [3, 2, 2],
      ...splitValidation(train, 10, 1),
      test: packed,
    });
    const print = fingerprint(dataset(packed));
    expect(print).toMatch(/^40 \+ 10 \+ 50 images of 3 × 2 × 2, CRC [0-9a-f]{8}$/);
    expect(fingerprint(dataset(packed))).toBe(print);
    for (const other of [
      select(
        packed,
        Int32Array.from(labels, (_, i) => COUNT - 1 - i),
      ),
      binariseOnce(packed, 'train', 1),
    ])
      expect(fingerprint(dataset(other))).not.toBe(print);
  });

  it('may lose the rest of each image', () => {
    const name = path.join(folder, 'shrunk.pack');
    const whole = new PackWriter(name, PIXELS);
    for (let i = 0; i < COUNT; i++) whole.append(bytes.subarray(i * PIXELS, (i + 1) * PIXELS));
    whole.shrinkTo(4);
    whole.finish({});
    const { images, count } = openPack(name)!;
    expect([count, images.pixels]).toEqual([COUNT, 4]);
    expect([...images.read(Int32Array.of(0, 49))]).toEqual([...bytes.subarray(0, 4), ...bytes.subarray(588, 592)]);
    images.close();
    rmSync(name);
  });
});

describe('a file of images', () => {
  const other = path.join(folder, 'other.pack');
  afterEach(() => rmSync(other, { force: true }));

  it('that was cut or is another file is no such file', () => {
    const whole = readFileSync(file);
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(other, whole.subarray(0, length));
      expect(openPack(other)).toBeUndefined();
    }
    expect(openPack(folder)).toBeUndefined();
    expect(openPack(path.join(folder, 'missing'))).toBeUndefined();
  });

  it('with a damaged image is not read as if it were whole', () => {
    const damaged = Buffer.from(readFileSync(file));
    const at = damaged.indexOf(Buffer.from(bytes.subarray(7 * PIXELS, 8 * PIXELS)));
    for (let bit = 0; bit < 8 * PIXELS; bit++) {
      damaged[at + (bit >> 3)] ^= 1 << (bit & 7);
      writeFileSync(other, damaged);
      const { images } = openPack(other)!;
      expect(images.read(Int32Array.of(6, 8))).toHaveLength(2 * PIXELS);
      expect(() => images.read(Int32Array.of(0, 7))).toThrow(
        `${other}: damaged: image 7 is not what was written; remove the file and run the command again`,
      );
      images.close();
      damaged[at + (bit >> 3)] ^= 1 << (bit & 7);
    }
  });

  it('with a damaged index is no such file', () => {
    const damaged = Buffer.from(readFileSync(file));
    damaged[damaged.length - 40] ^= 1;
    writeFileSync(other, damaged);
    expect(openPack(other)).toBeUndefined();
  });

  it('leaves nothing behind when it is abandoned', () => {
    const begun = new PackWriter(other, PIXELS);
    begun.append(bytes.subarray(0, PIXELS));
    begun.abandon();
    expect(readdirSync(folder)).toEqual(['images.pack']);
  });

  it('that cannot be written is one line', () => {
    expect(() => new PackWriter(path.join(folder, 'no', 'such.pack'), 1)).toThrow(InputError);
    expect(() => new PackWriter('/dev/full/x', 1)).toThrow('cannot write /dev/full/x: a part of the path is a file');
  });

  it('that shrinks while it is read is one line', () => {
    writeFileSync(other, readFileSync(file));
    const { images } = openPack(other)!;
    writeFileSync(other, '');
    expect(() => images.read(Int32Array.of(3))).toThrow(`cannot read ${other}: it has become shorter`);
    images.close();
    images.close();
  });
});
