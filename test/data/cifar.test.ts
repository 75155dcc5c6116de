import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { residentImages } from '../../src/data/dataset.ts';
import { loadDataset } from '../../src/data/index.ts';
import { cifarBatch } from './batches.ts';
import { listener, silent } from './report.ts';

const root = mkdtempSync(path.join(tmpdir(), 'vae-cifar-'));
afterAll(() => rmSync(root, { recursive: true }));

const load = (dataDir: string) =>
  loadDataset({ dataset: 'cifar10', dataDir, binarise: 'none', validation: 0, seed: 1 }, silent);

describe("a folder of CIFAR-10's binary batches", () => {
  let folder: string;
  const write = (name: string, content: Uint8Array) => writeFileSync(path.join(folder, name), content);
  beforeEach(() => {
    folder = path.join(root, 'batches');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    write('data_batch_10.bin', cifarBatch([9]));
    write('data_batch_2.bin', cifarBatch([1, 2]));
    write('test_batch.bin', cifarBatch([5, 6, 7]));
  });

  it('is read in the order of its numbers, however many records there are', async () => {
    const { train, test, imageShape, classes } = await load(folder);
    expect([train.count, test.count, ...imageShape]).toEqual([3, 3, 3, 32, 32]);
    expect([...train.labels]).toEqual([1, 2, 9]);
    expect(classes[9]).toBe('truck');
    const expected = [...cifarBatch([1, 2]), ...cifarBatch([9])].filter((_, i) => i % 3073 !== 0);
    expect([...residentImages(train)]).toEqual(expected);
  });

  it('may be the folder that holds it', async () => {
    const outer = path.join(root, 'outer');
    mkdirSync(path.join(outer, 'cifar-10-batches-bin'), { recursive: true });
    for (const name of ['data_batch_1.bin', 'test_batch.bin'])
      writeFileSync(path.join(outer, 'cifar-10-batches-bin', name), cifarBatch([3]));
    expect((await load(outer)).train.count).toBe(1);
  });

  it('may be of CIFAR-100, which has two labels for each image', async () => {
    const hundred = path.join(root, 'c100', 'cifar-100-binary');
    mkdirSync(hundred, { recursive: true });
    // The group, then the class and its pixels.
    const records = (labels: readonly number[]) =>
      Buffer.concat(labels.flatMap((label) => [Buffer.of(19), cifarBatch([label])]));
    writeFileSync(path.join(hundred, 'train.bin'), records([99, 3]));
    writeFileSync(path.join(hundred, 'test.bin'), records([50]));
    const { notes, ...report } = listener();
    const dataDir = path.join(root, 'c100');
    const options = { dataset: 'cifar10', dataDir, binarise: 'none', validation: 0, seed: 1 } as const;
    const { train, test, classes } = await loadDataset(options, report);
    expect([[...train.labels], [...test.labels], classes.length]).toEqual([[99, 3], [50], 100]);
    expect([...residentImages(test)]).toEqual([...cifarBatch([50])].slice(1));
    expect(notes).toEqual([`${hundred}: this is CIFAR-100, with 100 classes; it is read as such`]);
    const names = Array.from({ length: 100 }, (_, i) => `name ${i}`);
    writeFileSync(path.join(hundred, 'fine_label_names.txt'), names.join('\n'));
    expect((await loadDataset(options, silent)).classes).toEqual(names);
    writeFileSync(path.join(hundred, 'test.bin'), records([100]));
    await expect(load(dataDir)).rejects.toThrow("is 100, expected 0 to 99; is it CIFAR-100's binary version?");
  });

  const mistakes: Record<string, readonly [() => void, string]> = {
    'without a test batch': [
      () => rmSync(path.join(folder, 'test_batch.bin')),
      'has no test_batch.bin; expected data_b',
    ],
    'without training batches': [
      () => {
        for (const n of [2, 10]) rmSync(path.join(folder, `data_batch_${n}.bin`));
      },
      'has no data_batch_1.bin; expected data_batch_1.bin (to data_batch_5.bin) and test_batch.bin',
    ],
    'of the version for Python': [
      () => {
        for (const n of [2, 10]) rmSync(path.join(folder, `data_batch_${n}.bin`));
        write('data_batch_1', Buffer.from('x'));
      },
      'this is the version for Python',
    ],
    'with a cut record': [
      () => write('data_batch_2.bin', cifarBatch([1, 2]).subarray(0, 4000)),
      'data_batch_2.bin: cut short: 4000 bytes are 1 records of 3073 and 927 more; download it again',
    ],
    'with an empty batch': [() => write('test_batch.bin', Buffer.alloc(0)), 'there are no images in it'],
    'with labels beyond 9': [
      () => write('test_batch.bin', cifarBatch([1, 10])),
      'test_batch.bin: the label of record 1 is 10, expected 0 to 9',
    ],
  };
  for (const [name, [make, message]] of Object.entries(mistakes)) {
    it(`${name} is refused`, async () => {
      make();
      await expect(load(folder)).rejects.toThrow(message);
    });
  }

  it('that is not there, or is a file, is refused', async () => {
    await expect(load(path.join(root, 'none'))).rejects.toThrow('no such folder');
    await expect(load(path.join(folder, 'test_batch.bin'))).rejects.toThrow('it is a file; expected a folder');
  });
});
