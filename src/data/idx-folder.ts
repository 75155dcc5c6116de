/** A folder with the four IDX files of MNIST and of the datasets in the same format. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../base/errors.ts';
import { readFile } from '../base/files.ts';
import { npmReinstall } from '../base/npm.ts';
import type { ImageSet, ImageShape } from './dataset.ts';
import { parseIdx } from './idx.ts';

const FILES = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
} as const;

/** A file under its official name, gzipped or not, or with the dot that some copies have before "idx". */
function findFile(folder: string, name: string): string {
  const dotted = name.replace('-idx', '.idx');
  const candidates = [name, dotted].flatMap((base) => [base, `${base}.gz`]);
  const found = candidates.find((candidate) => existsSync(path.join(folder, candidate)));
  if (found === undefined) {
    const names = Object.values(FILES).flatMap(({ images, labels }) => [images, labels]);
    throw new InputError(`${folder} has no ${name} (nor ${name}.gz); expected ${names.join(', ')}`);
  }
  return path.join(folder, found);
}

type Checksums = Readonly<Record<string, string>>;

function readSet(folder: string, part: keyof typeof FILES, sha256?: Checksums): ImageSet & { shape: ImageShape } {
  const read = (name: string) => {
    const file = findFile(folder, name);
    const content = readFile(file);
    if (sha256 !== undefined && createHash('sha256').update(content).digest('hex') !== sha256[name]) {
      throw new InputError(`${file} is not the official file: its SHA-256 differs; ${npmReinstall()}`);
    }
    return { file, ...parseIdx(content, file) };
  };
  const images = read(FILES[part].images);
  const labels = read(FILES[part].labels);
  if (images.shape[0] === 0) throw new InputError(`${images.file}: there are no images in it`);
  if (images.shape.length !== 3 || images.shape.includes(0)) {
    throw new InputError(`${images.file}: expected images as count × rows × columns, got ${images.shape.join(' × ')}`);
  }
  const [count, height, width] = images.shape;
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new InputError(`${labels.file}: expected ${count} labels, one per image, got ${labels.shape.join(' × ')}`);
  }
  return { count, images: images.values, labels: labels.values, shape: [1, height, width] };
}

/**
 * The training and test images.
 * @param sha256 of the official files by name, if they must be those.
 * @throws InputError if a file is missing, damaged, or in another format.
 */
export function readIdxFolder(
  folder: string,
  sha256?: Checksums,
): { readonly imageShape: ImageShape; readonly train: ImageSet; readonly test: ImageSet } {
  const [train, test] = (['train', 'test'] as const).map((part) => readSet(folder, part, sha256));
  if (train.shape.join() !== test.shape.join()) {
    throw new InputError(
      `${folder}: training images are ${train.shape.join(' × ')}, test images ${test.shape.join(' × ')}`,
    );
  }
  return { imageShape: train.shape, train, test };
}
