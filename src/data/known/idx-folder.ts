/** A folder with the four IDX files of MNIST and of the datasets in the same format. */

import path from 'node:path';
import { InputError } from '../../base/errors.ts';
import type { ImageSet, ImageShape, PackedImages } from '../dataset.ts';
import { type FolderEntry, foldersIn, lookInto } from '../folder-entries.ts';
import type { Report } from '../source.ts';
import { type Checksums, checkSum } from './checksums.ts';
import { type IdxImages, readIdx } from './idx.ts';

const PARTS = ['train', 'test'] as const;
type Part = (typeof PARTS)[number];
type What = 'images' | 'labels';

const nameOf = (part: Part, what: What): string =>
  `${part === 'train' ? 'train' : 't10k'}-${what}-idx${what === 'images' ? 3 : 1}-ubyte`;
const NAMES = PARTS.flatMap((part) => (['images', 'labels'] as const).map((what) => nameOf(part, what)));

/** As in `emnist-letters-train-images-idx3-ubyte.gz`; some copies have a dot before "idx". */
const FILE =
  /^(?<prefix>.*?)(?<part>train|t10k|test)-(?<what>images|labels)[-.]idx(?<axes>[13])-ubyte(?<zipped>\.gz)?$/i;
/** The makers of EMNIST wrote rows as columns. */
const TRANSPOSED = /^emnist-/i;

interface Found {
  readonly file: string;
  /** What stands before the official name. */
  readonly prefix: string;
  /** The official name of what it is. */
  readonly name: string;
  /** The plain file of the official name comes before its copies. */
  readonly rank: number;
}

/** The files in a folder that have such a name, and those that folders of such a name hold. */
function filesIn(entries: readonly FolderEntry[]): Found[] {
  return entries.flatMap(({ file, name, isFolder }) => {
    const { prefix, part, what, axes, zipped } = FILE.exec(name)?.groups ?? {};
    if (prefix === undefined || (what.toLowerCase() === 'images') !== (axes === '3')) return [];
    if (isFolder) return filesIn(lookInto(file).filter((inner) => !inner.isFolder));
    const official = nameOf(part.toLowerCase() === 'train' ? 'train' : 'test', what.toLowerCase() as What);
    const rank = (zipped === undefined ? 0 : 2) + (name.startsWith(prefix + official) ? 0 : 1);
    return [{ file, prefix, name: official, rank }];
  });
}

/** How deep a folder's only folder, or one of raw files, is looked into: `MNIST/raw` is usual. */
const DEEPEST = 3;

/** Looks for the files in a folder, and where it has none in the folder that it is a wrapper of. */
function findFiles(folder: string, depth = 0): Found[] {
  const entries = lookInto(folder);
  const found = filesIn(entries);
  const inner = foldersIn(entries);
  const next = inner.find(({ name }) => name === 'raw') ?? (inner.length === 1 ? inner[0] : undefined);
  return found.length > 0 || next === undefined || depth >= DEEPEST ? found : findFiles(next.file, depth + 1);
}

/** The files of one dataset. */
function filesOf(folder: string): { readonly prefix: string; readonly byName: ReadonlyMap<string, string> } {
  const found = findFiles(folder);
  const prefixes = [...new Set(found.map(({ prefix }) => prefix))].sort();
  if (prefixes.length > 1 && !prefixes.includes('')) {
    const sets = prefixes.map((prefix) => prefix.replace(/-$/, '')).join(', ');
    throw new InputError(`${folder} has several datasets: ${sets}; put the four files of one into a folder of its own`);
  }
  const prefix = prefixes[0] ?? '';
  const own = found.filter((file) => file.prefix === prefix).sort((a, b) => b.rank - a.rank);
  const byName = new Map(own.map(({ name, file }) => [name, file]));
  const missing = NAMES.find((name) => !byName.has(name));
  if (missing !== undefined) {
    const there = found.length === 0 ? '' : `; it has ${found.map(({ file }) => path.basename(file)).join(', ')}`;
    throw new InputError(`${folder} has no ${missing} (nor ${missing}.gz); expected ${NAMES.join(', ')}${there}`);
  }
  return { prefix, byName };
}

interface Read {
  readonly set: ImageSet;
  readonly shape: ImageShape;
}

function readSet(files: ReadonlyMap<string, string>, part: Part, checksums: Checksums | undefined): Read {
  const read = (what: What): IdxImages & { readonly file: string } => {
    const file = files.get(nameOf(part, what))!;
    if (checksums !== undefined) checkSum(file, checksums);
    return { file, ...readIdx(file) };
  };
  const images = read('images');
  const labels = read('labels');
  if (images.shape[0] === 0) throw new InputError(`${images.file}: there are no images in it`);
  if (images.shape.length !== 3 || images.shape.includes(0)) {
    throw new InputError(`${images.file}: expected images as count × rows × columns, got ${images.shape.join(' × ')}`);
  }
  const [count, height, width] = images.shape;
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new InputError(`${labels.file}: expected ${count} labels, one per image, got ${labels.shape.join(' × ')}`);
  }
  if (!(labels.values instanceof Uint8Array)) throw new InputError(`${labels.file}: ${count} labels are too many`);
  return { set: { count, images: images.values, labels: labels.values }, shape: [1, height, width] };
}

/** Images whose rows were written as columns. */
function turned({ set, shape: [channels, height, width] }: Read): Read {
  const turn = (pixels: Uint8Array): Uint8Array => {
    const out = new Uint8Array(pixels.length);
    for (let start = 0; start < pixels.length; start += height * width) {
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) out[start + x * height + y] = pixels[start + y * width + x];
    }
    return out;
  };
  const turnedFile = (images: PackedImages): PackedImages => ({ ...images, read: (at) => turn(images.read(at)) });
  const images = set.images instanceof Uint8Array ? turn(set.images) : turnedFile(set.images);
  return { set: { ...set, images }, shape: [channels, width, height] };
}

/**
 * The training and test images.
 * @param checksums of the official files, if they must be those.
 * @throws InputError if a file is missing, damaged, or in another format.
 */
export function readIdxFolder(
  folder: string,
  report: Report,
  checksums?: Checksums,
): { readonly imageShape: ImageShape; readonly train: ImageSet; readonly test: ImageSet } {
  const { prefix, byName } = filesOf(folder);
  const [train, test] = PARTS.map((part) => {
    const read = readSet(byName, part, checksums);
    return TRANSPOSED.test(prefix) ? turned(read) : read;
  });
  if (prefix !== '') report.note(`${folder}: reading ${prefix.replace(/[-_]$/, '')}`);
  if (TRANSPOSED.test(prefix))
    report.note(`${folder}: the images of EMNIST lie on their side, so they are turned upright`);
  if (train.shape.join() !== test.shape.join()) {
    throw new InputError(
      `${folder}: training images are ${train.shape.join(' × ')}, test images ${test.shape.join(' × ')}`,
    );
  }
  return { imageShape: train.shape, train: train.set, test: test.set };
}
