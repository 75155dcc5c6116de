/**
 * A folder with CIFAR's binary batches, each with any number of records: a byte for the label, in CIFAR-100 a byte for
 * the label's group before it, then three colour planes.
 */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import { listFolder, readFile } from '../../base/files.ts';
import { type ImageSet, type ImageShape, pixelsOf } from '../dataset.ts';
import { foldersIn, lookInto } from '../folder-entries.ts';
import type { Report } from '../source.ts';

export const CIFAR_SHAPE: ImageShape = [3, 32, 32];
const PIXELS = pixelsOf(CIFAR_SHAPE);

/** A version of CIFAR. */
interface Version {
  readonly name: string;
  /** Bytes before the pixels; the last one is the label. */
  readonly labelBytes: number;
  readonly classes: number;
  readonly train: RegExp;
  readonly test: string;
}

const CIFAR10: Version = {
  name: 'CIFAR-10',
  labelBytes: 1,
  classes: 10,
  train: /^data_batch_(\d+)\.bin$/,
  test: 'test_batch.bin',
};
const CIFAR100: Version = { name: 'CIFAR-100', labelBytes: 2, classes: 100, train: /^train\.bin$/, test: 'test.bin' };

const EXPECTED = 'expected data_batch_1.bin (to data_batch_5.bin) and test_batch.bin, the binary version of CIFAR-10';
/** Beside the batches of CIFAR-100: a name on each line. */
const CLASS_NAMES = 'fine_label_names.txt';

export interface CifarSets {
  readonly train: ImageSet;
  readonly test: ImageSet;
  /** Of another version than CIFAR-10. */
  readonly classes?: readonly string[];
}

/** Where the batches are, and their names. */
export interface Batches {
  readonly folder: string;
  readonly version: Version;
  readonly train: readonly string[];
  readonly test: string;
}

/**
 * Finds the batches of a folder, or of the only folder in it.
 * @throws InputError if one is missing.
 */
export function findBatches(folder: string): Batches {
  const place = placeOf(folder);
  const names = listFolder(place);
  const version = !hasTraining(names, CIFAR10) && hasTraining(names, CIFAR100) ? CIFAR100 : CIFAR10;
  const number = (name: string): number => Number(version.train.exec(name)![1] ?? 0);
  const train = names.filter((name) => version.train.test(name)).sort((a, b) => number(a) - number(b));
  if (train.length === 0) {
    const python = names.includes('data_batch_1') ? ' (this is the version for Python)' : '';
    throw new InputError(`${place} has no data_batch_1.bin; ${EXPECTED}${python}`);
  }
  if (!names.includes(version.test)) {
    throw new InputError(`${place} has no ${version.test}; ${version === CIFAR10 ? EXPECTED : 'CIFAR-100 has one'}`);
  }
  return { folder: place, version, train, test: version.test };
}

const hasTraining = (names: readonly string[], { train }: Version): boolean => names.some((name) => train.test(name));

function placeOf(folder: string): string {
  const inner = path.join(folder, 'cifar-10-batches-bin');
  if (existsSync(inner)) return inner;
  const entries = lookInto(folder);
  const folders = foldersIn(entries);
  return folders.length === 1 && entries.every(({ name }) => !name.endsWith('.bin')) ? folders[0].file : folder;
}

/**
 * The training and test images of a folder, or of the only folder in it.
 * @throws InputError if a batch is missing, cut short, or in another format.
 */
export function readCifarBatches(folder: string, report: Report): CifarSets {
  const { folder: place, version, train, test } = findBatches(folder);
  const read = (batches: readonly string[]) =>
    readBatches(
      batches.map((name) => path.join(place, name)),
      version,
    );
  const sets = { train: read(train), test: read([test]) };
  if (version === CIFAR10) return sets;
  report.note(`${place}: this is ${version.name}, with ${version.classes} classes; it is read as such`);
  return { ...sets, classes: namesOfClasses(place, version) };
}

function namesOfClasses(place: string, { classes }: Version): readonly string[] {
  const file = path.join(place, CLASS_NAMES);
  const names = existsSync(file) ? readFile(file).toString().split(/\r?\n/).filter(Boolean) : [];
  return names.length === classes ? names : Array.from({ length: classes }, (_, label) => String(label));
}

function readBatches(files: readonly string[], version: Version): ImageSet {
  const record = version.labelBytes + PIXELS;
  const batches = files.map((file) => readBatch(file, record));
  const count = batches.reduce((sum, batch) => sum + batch.length / record, 0);
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  let image = 0;
  batches.forEach((batch, i) => {
    for (let at = 0; at < batch.length; at += record, image++) {
      const pixels = at + version.labelBytes;
      const label = batch[pixels - 1];
      if (label >= version.classes) {
        throw new InputError(
          `${files[i]}: the label of record ${at / record} is ${label}, expected 0 to ${version.classes - 1}; is it ${version.name}'s binary version?`,
        );
      }
      labels[image] = label;
      images.set(batch.subarray(pixels, pixels + PIXELS), image * PIXELS);
    }
  });
  return { count, images, labels };
}

function readBatch(file: string, record: number): Buffer {
  const batch = readFile(file);
  if (batch.length === 0) throw new InputError(`${file}: there are no images in it`);
  const rest = batch.length % record;
  if (rest !== 0) {
    throw new InputError(
      `${file}: cut short: ${batch.length} bytes are ${Math.floor(batch.length / record)} records of ${record} and ${rest} more; download it again`,
    );
  }
  return batch;
}
