/** What the place of an image in a folder says: its part of the dataset, and its class. */

import { permutation } from '../../random/random.ts';
import { range } from '../dataset.ts';

/** Labels are bytes. */
const MOST_CLASSES = 256;
/** The share of images that is set aside for testing if the folder has no test part. */
const TEST_SHARE = 0.1;

/** What a subfolder may be for. */
const KINDS = ['train', 'validation', 'test'] as const;
type Kind = (typeof KINDS)[number];
type Part = 'train' | 'test';

/** What people call the folders of the parts, in small letters. */
const WORDS: Readonly<Record<Kind, readonly string[]>> = {
  train: ['train', 'training', 'trn', 'trainset', 'traindata'],
  validation: ['val', 'valid', 'validation', 'valset', 'dev', 'devset', 'eval', 'evaluation'],
  test: ['test', 'testing', 'tst', 'testset', 'testdata'],
};
/** Words that may stand beside those: `training_set`, `seg_train`, `test images`, `train2017`. */
const FILLERS = ['set', 'data', 'dataset', 'split', 'images', 'image', 'imgs', 'img', 'seg', 'samples', 'folder'];

function kindOf(folder: string): Kind | undefined {
  const words = folder
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== '' && !FILLERS.includes(word));
  return words.length === 1 ? KINDS.find((kind) => WORDS[kind].includes(words[0])) : undefined;
}

/** An image of a folder. */
interface Place {
  /** The file's. */
  readonly name: string;
  /** Of a folder that is split by its subfolders. */
  readonly part: Part | undefined;
  /** The name within its part, without folders that everything is in. */
  readonly inPart: string;
}

export interface Layout {
  /** The images that belong to the dataset, by name. */
  readonly places: readonly Place[];
  /** Whether the folder has parts of its own. */
  readonly isSplit: boolean;
  readonly notes: readonly string[];
}

const topOf = (name: string): string => (name.includes('/') ? name.slice(0, name.indexOf('/')) : '');
const belowTop = (name: string): string => name.slice(name.indexOf('/') + 1);
const topsOf = (names: readonly string[]): string[] => [...new Set(names.map(topOf))].sort();

/** The only folder that all names are in, if they are in one. */
function wrapperOf(names: readonly string[]): string | undefined {
  const tops = topsOf(names);
  return tops.length === 1 && tops[0] !== '' ? tops[0] : undefined;
}

/**
 * Looks through folders that hold everything, and finds the subfolders for training and for testing or validation:
 * first-level ones, or such ones in every first-level one. Images beside them are left out.
 */
export function layoutOf(names: readonly string[]): Layout {
  let within = [...names];
  const wrappers: string[] = [];
  for (let wrapper = wrapperOf(within); wrapper !== undefined; wrapper = wrapperOf(within)) {
    wrappers.push(wrapper);
    within = within.map(belowTop);
  }
  const notes = wrappers.length === 0 ? [] : [`everything is in ${wrappers.join('/')}/, which is looked through`];
  const split = splitAt(within, 0) ?? splitAt(within, 1);
  if (split === undefined) {
    const places = names.map((name, i) => ({ name, part: undefined, inPart: within[i] }));
    return { places, isSplit: false, notes };
  }
  const found = names.map((name, i) => ({ name, ...split.placeOf(within[i]) }));
  const places = unwrapped(found.filter(({ part }) => part !== undefined));
  const left = within.filter((name, i) => found[i].part === undefined && !split.isSpare(name)).length;
  return {
    places,
    isSplit: true,
    notes: [
      ...notes,
      ...split.notes,
      ...(left === 0 ? [] : [`left out, because they are beside these folders: ${left}`]),
    ],
  };
}

/** How the folders at a level split the names; undefined where those of that level do not, or not everywhere. */
function splitAt(names: readonly string[], level: 0 | 1) {
  const fromLevel = (name: string): string => (level === 0 ? name : belowTop(name));
  const groups = level === 0 ? [names] : topsOf(names).map((top) => names.filter((name) => topOf(name) === top));
  const isSplit = groups.every((group) => {
    const kinds = new Set(topsOf(group.map(fromLevel)).map(kindOf));
    return kinds.has('train') && (kinds.has('test') || kinds.has('validation'));
  });
  if (!isSplit) return undefined;
  const folders = topsOf(names.map(fromLevel));
  const written = (kind: Kind): string =>
    folders
      .filter((folder) => kindOf(folder) === kind)
      .map((folder) => `${folder}/`)
      .join(' and ');
  // Without a test part, a model is tested on the images for validation.
  const tests = written('test') === '' ? 'validation' : 'test';
  const spare = tests === 'test' ? written('validation') : '';
  return {
    notes: [
      `split by its folders: ${written('train')} for training, ${written(tests)} for testing`,
      ...(spare === '' ? [] : [`left out: ${spare}, because there is a test part`]),
    ],
    placeOf: (name: string): Omit<Place, 'name'> => {
      const kind = kindOf(topOf(fromLevel(name)));
      const part = kind === 'train' || kind === undefined ? kind : kind === tests ? 'test' : undefined;
      return { part, inPart: level === 0 ? belowTop(name) : `${topOf(name)}/${belowTop(belowTop(name))}` };
    },
    isSpare: (name: string): boolean => spare !== '' && kindOf(topOf(fromLevel(name))) === 'validation',
  };
}

/** Looks through a folder that holds a whole part, such as `test/test/`, where it is not a class of the other parts. */
function unwrapped(places: readonly Place[]): readonly Place[] {
  const parts = (['train', 'test'] as const).map((part) => places.filter((place) => place.part === part));
  const wrappers = parts.map((own) => wrapperOf(own.map(({ inPart }) => inPart)));
  const areSame = wrappers.every((wrapper) => wrapper !== undefined && wrapper === wrappers[0]);
  const isWrapper = (part: number): boolean => {
    const wrapper = wrappers[part];
    if (wrapper === undefined || areSame) return areSame;
    const isClass = parts[1 - part].some(({ inPart }) => topOf(inPart) === wrapper);
    return !isClass && parts[part].every(({ inPart }) => belowTop(inPart).includes('/'));
  };
  const opened = new Set(parts.flatMap((own, i) => (isWrapper(i) ? own : [])));
  if (opened.size === 0) return places;
  return unwrapped(places.map((place) => (opened.has(place) ? { ...place, inPart: belowTop(place.inPart) } : place)));
}

/**
 * The positions of the training and of the test images, each in order: the folder's own parts, or drawn by the seed.
 * @param isTaken whether an image must not be for testing.
 */
export function splitPositions(
  { places, isSplit }: Layout,
  seed: number,
  isTaken: (name: string) => boolean,
): { readonly train: Int32Array; readonly test: Int32Array } {
  const all = range(0, places.length);
  const mayTest = (i: number): boolean => !isTaken(places[i].name);
  if (isSplit) {
    const [train, test] = ['train', 'test'].map((part) => all.filter((i) => places[i].part === part));
    return { train, test: test.filter(mayTest) };
  }
  const order = permutation(places.length, { seed, stream: 'test split', step: 0 });
  const count = Math.max(1, Math.round(places.length * TEST_SHARE));
  const test = new Set(order.filter(mayTest).slice(0, count));
  return { train: all.filter((i) => !test.has(i)), test: all.filter((i) => test.has(i)) };
}

export interface Labelling {
  readonly classes: readonly string[];
  /** [places] */
  readonly labels: Uint8Array;
  readonly notes: readonly string[];
}

/** If every image is in a subfolder (of its part), the first-level subfolders are the classes. */
export function labelByFolder(places: readonly Place[]): Labelling {
  const names = places.map(({ inPart }) => inPart);
  const unlabelled = { classes: [], labels: new Uint8Array(names.length) };
  const loose = names.filter((name) => !name.includes('/')).length;
  if (loose > 0) {
    const mixed = loose < names.length;
    return {
      ...unlabelled,
      notes: mixed ? [`no classes, because some images are beside the subfolders: ${loose}`] : [],
    };
  }
  const classes = topsOf(names);
  if (classes.length > MOST_CLASSES) {
    return { ...unlabelled, notes: [`no classes, because ${classes.length} subfolders are more than ${MOST_CLASSES}`] };
  }
  const positions = new Map(classes.map((name, i) => [name, i]));
  return { classes, labels: Uint8Array.from(names, (name) => positions.get(topOf(name))!), notes: [] };
}
