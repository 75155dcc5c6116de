/** What the place of an image in a folder says: its part of the dataset, and its class. */

import { permutation } from '../random/random.ts';
import { range } from './dataset.ts';

/** Labels are bytes. */
const MOST_CLASSES = 256;
/** The share of images that is set aside for testing if the folder has no test part. */
const TEST_SHARE = 0.1;

const TRAIN = 'train';
const TESTS = ['test', 'val', 'validation', 'valid'];

export interface Split {
  /** The subfolders that hold the parts; none if the folder is not split. */
  readonly folders: readonly [train: string, test: string] | undefined;
  /** The files that belong to a part. */
  readonly names: readonly string[];
  readonly notes: readonly string[];
}

/** Finds train/ and test/ (or val/) among the first-level subfolders; images beside them are left out. */
export function findSplit(names: readonly string[]): Split {
  const tops = new Set(names.filter((name) => name.includes('/')).map((name) => name.slice(0, name.indexOf('/'))));
  const test = TESTS.find((name) => tops.has(name));
  if (!tops.has(TRAIN) || test === undefined) return { folders: undefined, names, notes: [] };
  const inside = names.filter((name) => name.startsWith(`${TRAIN}/`) || name.startsWith(`${test}/`));
  const left = names.length - inside.length;
  return {
    folders: [TRAIN, test],
    names: inside,
    notes: left === 0 ? [] : [`left out, because they are beside ${TRAIN}/ and ${test}/: ${left}`],
  };
}

/** The positions of the training and of the test images, each in order. */
export function splitPositions(
  names: readonly string[],
  { folders }: Split,
  seed: number,
): { readonly train: Int32Array; readonly test: Int32Array } {
  if (folders !== undefined) {
    const [train, test] = folders.map((folder) =>
      range(0, names.length).filter((i) => names[i].startsWith(`${folder}/`)),
    );
    return { train, test };
  }
  const order = permutation(names.length, { seed, stream: 'test split', step: 0 });
  const count = Math.max(1, Math.round(names.length * TEST_SHARE));
  return { train: order.slice(count).sort(), test: order.slice(0, count).sort() };
}

export interface Labelling {
  readonly classes: readonly string[];
  /** [names] */
  readonly labels: Uint8Array;
  readonly notes: readonly string[];
}

/** If every image is in a subfolder (of its part), the first-level subfolders are the classes. */
export function labelByFolder(names: readonly string[], { folders }: Split): Labelling {
  const inPart = folders === undefined ? names : names.map((name) => name.slice(name.indexOf('/') + 1));
  const folderOf = (name: string): string => name.slice(0, name.indexOf('/'));
  const unlabelled = { classes: [], labels: new Uint8Array(names.length) };
  const loose = inPart.filter((name) => !name.includes('/')).length;
  if (loose > 0) {
    const mixed = loose < names.length;
    return {
      ...unlabelled,
      notes: mixed ? [`no classes, because some images are beside the subfolders: ${loose}`] : [],
    };
  }
  const classes = [...new Set(inPart.map(folderOf))].sort();
  if (classes.length > MOST_CLASSES) {
    return { ...unlabelled, notes: [`no classes, because ${classes.length} subfolders are more than ${MOST_CLASSES}`] };
  }
  const positions = new Map(classes.map((name, i) => [name, i]));
  return { classes, labels: Uint8Array.from(inPart, (name) => positions.get(folderOf(name))!), notes: [] };
}
