import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { binariseOnce } from '../../src/data/binarise.ts';
import { type ImageSet, type PackedImages, pixelsAt, residentImages } from '../../src/data/dataset.ts';
import { type DatasetOptions, loadDataset } from '../../src/data/index.ts';
import { parseIdx, readIdx } from '../../src/data/known/idx.ts';
import { encodeIdx, writeDigits } from './digits.ts';
import { listener, silent } from './report.ts';

const OPTIONS = { dataset: 'mnist', binarise: 'none', validation: 0, seed: 1 } as const;

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
    [
      'too long in gzip',
      gzipSync(Buffer.concat([file, Buffer.alloc(99)])),
      'file: longer than its header says (18 bytes)',
    ],
    ['empty gzip', gzipSync(''), 'file: expected an IDX file, got 0 bytes'],
    [
      'of terabytes in gzip',
      gzipSync(Buffer.from('00000803ffffffffffffffffffffffff0000000000000000', 'hex')),
      'but the gzip file has only',
    ],
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

describe('a gzipped IDX file that unpacks to gigabytes', () => {
  /** Zeros in members of a megabyte: a kilobyte of gzip each. */
  const bomb = (count: number) => {
    const member = gzipSync(Buffer.alloc(2 ** 20), { level: 9 });
    const header = gzipSync(encodeIdx([count, 1024, 1024], new Uint8Array(0)));
    return Buffer.concat([header, ...Array.from({ length: count }, () => member)]);
  };

  it('is refused before it is unpacked, by its header or by its end', () => {
    const before = process.memoryUsage.rss();
    expect(() => parseIdx(bomb(3000), 'file')).toThrow(
      /^file: its header, 3000 × 1024 × 1024, asks for 3145728016 bytes, but the gzip file has only \d+; if that is right, unpack it with gunzip first$/,
    );
    const lying = Buffer.concat([gzipSync(encodeIdx([2], Uint8Array.of(1, 2))), bomb(500)]);
    expect(() => parseIdx(lying, 'file')).toThrow('file: longer than its header says (10 bytes)');
    expect(process.memoryUsage.rss() - before).toBeLessThan(150e6);
  });
});

describe('an IDX file of very many values', () => {
  const file = path.join(folder, 'many-idx3-ubyte');
  const values = Uint8Array.from({ length: 20 * 6 }, (_, i) => (i * 7) % 256);

  it('stays in its file, and is the same', () => {
    writeFileSync(file, encodeIdx([20, 2, 3], values));
    const { shape, values: images } = readIdx(file, 50);
    expect(shape).toEqual([20, 2, 3]);
    expect(images).not.toBeInstanceOf(Uint8Array);
    const inFile = { count: 20, images, labels: new Uint8Array(20) };
    const inMemory = { ...inFile, images: readIdx(file).values };
    expect(residentImages(inFile)).toEqual(values);
    for (const positions of [Int32Array.of(19, 0, 7, 7), new Int32Array(0)]) {
      expect(pixelsAt(inFile, positions)).toEqual(pixelsAt(inMemory, positions));
    }
    (images as PackedImages).close();
  });
});

describe('a folder of IDX files', () => {
  const load = (options: Partial<DatasetOptions>) => loadDataset({ ...OPTIONS, ...options }, silent);

  it('is read as a dataset', async () => {
    const dataDir = path.join(folder, 'good');
    writeDigits(dataDir, 40, 10);
    const { train, test, imageShape } = await load({ dataDir });
    expect([train.count, test.count, ...imageShape]).toEqual([40, 10, 1, 8, 8]);
    expect(residentImages(train)).toHaveLength(40 * 64);
  });

  it('is read as archives leave it: in folders of the same names, below others, in other letters', async () => {
    const names = readdirSync(path.join(folder, 'good'));
    const trees: Record<string, (name: string) => string[]> = {
      kaggle: (name) => [path.join(name, name), name.replace('-idx', '.idx')],
      nested: (name) => [path.join(name, name)],
      torchvision: (name) => [path.join('MNIST', 'raw', name)],
      wrapped: (name) => [path.join('archive', name)],
    };
    const expected = await load({ dataDir: path.join(folder, 'good') });
    for (const [tree, placesOf] of Object.entries(trees)) {
      const dataDir = path.join(folder, tree);
      for (const [name, place] of names.flatMap((file) => placesOf(file).map((target) => [file, target] as const))) {
        const target = path.join(dataDir, place);
        // Case 10: a folder and a file whose names differ by a dot.
        mkdirSync(path.dirname(target), { recursive: true });
        copyFileSync(path.join(folder, 'good', name), target);
      }
      const { train, test } = await load({ dataDir });
      expect([tree, residentImages(train)]).toEqual([tree, residentImages(expected.train)]);
      expect([...test.labels]).toEqual([...expected.test.labels]);
    }
  });

  it('of EMNIST is read under its own names, upright, and said', async () => {
    const dataDir = path.join(folder, 'emnist');
    mkdirSync(dataDir);
    const put = (set: string, part: string) => {
      const name = (what: string) => path.join(dataDir, `emnist-${set}-${part}-${what}-ubyte.gz`);
      writeFileSync(name('images-idx3'), gzipSync(encodeIdx([1, 2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6))));
      writeFileSync(name('labels-idx1'), gzipSync(encodeIdx([1], Uint8Array.of(26))));
    };
    for (const part of ['train', 'test']) put('letters', part);
    const { notes, ...report } = listener();
    const { train, imageShape, classes } = await loadDataset({ ...OPTIONS, dataDir }, report);
    expect([imageShape, [...residentImages(train)]]).toEqual([
      [1, 3, 2],
      [1, 4, 2, 5, 3, 6],
    ]);
    expect([classes.length, notes]).toEqual([
      27,
      [
        `${dataDir}: reading emnist-letters`,
        `${dataDir}: the images of EMNIST lie on their side, so they are turned upright`,
      ],
    ]);
    for (const part of ['train', 'test']) put('balanced', part);
    await expect(load({ dataDir })).rejects.toThrow(
      'has several datasets: emnist-balanced, emnist-letters; put the four files of one into a folder of its own',
    );
  });

  it.skipIf(process.platform === 'win32')('with a pipe in the place of a file is refused, at once', async () => {
    const dataDir = path.join(folder, 'pipe');
    writeDigits(dataDir, 4, 2);
    rmSync(path.join(dataDir, 'train-labels-idx1-ubyte'));
    execFileSync('mkfifo', [path.join(dataDir, 'train-labels-idx1-ubyte')]);
    await expect(load({ dataDir })).rejects.toThrow('it is a pipe, not a file');
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
    await expect(load({ dataDir })).rejects.toThrow('expected 4 labels, one per image, got 3');
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
    await expect(load({ dataDir, validation: 40 })).rejects.toThrow('validation 40: nothing is left to train on');
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
