/** A folder with CIFAR-10's binary batches, each with any number of records: one byte for the label, then three colour planes. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../base/errors.ts';
import { listFolder, readFile } from '../base/files.ts';
import { type ImageSet, type ImageShape, pixelsOf } from './dataset.ts';

export const CIFAR_SHAPE: ImageShape = [3, 32, 32];
const PIXELS = pixelsOf(CIFAR_SHAPE);
const RECORD_BYTES = 1 + PIXELS;
const CLASSES = 10;

const EXPECTED = 'expected data_batch_1.bin (to data_batch_5.bin) and test_batch.bin, the binary version of CIFAR-10';
const TRAIN_BATCH = /^data_batch_(\d+)\.bin$/;
const TEST_BATCH = 'test_batch.bin';

/**
 * The training and test images of a folder, or of the folder cifar-10-batches-bin in it.
 * @throws InputError if a batch is missing, cut short, or in another format.
 */
export function readCifarBatches(folder: string): { readonly train: ImageSet; readonly test: ImageSet } {
  const inner = path.join(folder, 'cifar-10-batches-bin');
  const place = existsSync(inner) ? inner : folder;
  const names = listFolder(place);
  const number = (name: string): number => Number(TRAIN_BATCH.exec(name)![1]);
  const training = names.filter((name) => TRAIN_BATCH.test(name)).sort((a, b) => number(a) - number(b));
  if (training.length === 0) {
    const python = names.includes('data_batch_1') ? ' (this is the version for Python)' : '';
    throw new InputError(`${place} has no data_batch_1.bin; ${EXPECTED}${python}`);
  }
  if (!names.includes(TEST_BATCH)) throw new InputError(`${place} has no ${TEST_BATCH}; ${EXPECTED}`);
  const read = (batches: readonly string[]) => readBatches(batches.map((name) => path.join(place, name)));
  return { train: read(training), test: read([TEST_BATCH]) };
}

function readBatches(files: readonly string[]): ImageSet {
  const batches = files.map(readBatch);
  const count = batches.reduce((sum, batch) => sum + batch.length / RECORD_BYTES, 0);
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  let image = 0;
  batches.forEach((batch, i) => {
    for (let at = 0; at < batch.length; at += RECORD_BYTES, image++) {
      if (batch[at] >= CLASSES) {
        throw new InputError(
          `${files[i]}: the label of record ${at / RECORD_BYTES} is ${batch[at]}, expected 0 to ${CLASSES - 1}; is it CIFAR-10's binary version?`,
        );
      }
      labels[image] = batch[at];
      images.set(batch.subarray(at + 1, at + RECORD_BYTES), image * PIXELS);
    }
  });
  return { count, images, labels };
}

function readBatch(file: string): Buffer {
  const batch = readFile(file);
  if (batch.length === 0) throw new InputError(`${file}: there are no images in it`);
  const rest = batch.length % RECORD_BYTES;
  if (rest !== 0) {
    throw new InputError(
      `${file}: cut short: ${batch.length} bytes are ${Math.floor(batch.length / RECORD_BYTES)} records of ${RECORD_BYTES} and ${rest} more; download it again`,
    );
  }
  return batch;
}
