/** What the place of an image in a folder says: its part of the dataset, and its class. */

import { groupBy } from '../../base/groups.ts';
import { printable } from '../../base/words.ts';
import { permutation } from '../../random/random.ts';
import { range } from '../dataset.ts';
import { firstOf } from './pack.ts';
import { hasPartWord, type Kind, type PartName, partsAmong } from './part-names.ts';

/** Labels are bytes. */
const MOST_CLASSES = 256;
/** The share of images that is set aside for testing if the folder has no test part. */
const TEST_SHARE = 0.1;

type Part = 'train' | 'test';

/** So many images, or so large a share of them, may be beside a split without being part of it. */
const FEW = 4;
const FEW_SHARE = 0.01;

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

const isFew = (some: number, all: number): boolean => some <= Math.max(FEW, FEW_SHARE * all);
const folderNames = (folders: readonly string[]): string =>
  firstOf(folders.map((folder) => `${printable(folder)}/`)).join(' and ');

/** An image's whole name, and the name below the folders that were looked through. */
interface Entry {
  readonly name: string;
  readonly within: string;
}

/**
 * Looks through folders that hold everything, and finds the subfolders for training and for testing or validation:
 * first-level ones, or such ones in the first-level ones. Images beside them are left out.
 */
export const layoutOf = (names: readonly string[]): Layout => {
  const entries = names.map((name) => ({ name, within: name }));
  return splitLayout(entries) ?? unsplitLayout(entries);
};

function withoutWrappers(entries: readonly Entry[]): { readonly inside: readonly Entry[]; readonly notes: string[] } {
  let inside = entries;
  const wrappers: string[] = [];
  for (;;) {
    const wrapper = wrapperOf(inside.map(({ within }) => within));
    if (wrapper === undefined) break;
    wrappers.push(wrapper);
    inside = inside.map(({ name, within }) => ({ name, within: belowTop(within) }));
  }
  return {
    inside,
    notes: wrappers.length === 0 ? [] : [`everything is in ${printable(wrappers.join('/'))}/, which is looked through`],
  };
}

function unsplitLayout(entries: readonly Entry[]): Layout {
  const { inside, notes } = withoutWrappers(entries);
  const tops = topsOf(inside.map(({ within }) => within));
  const parts = tops.includes('') ? [] : tops.filter(hasPartWord);
  const alone = `taken for ${parts.length === 1 ? 'a class' : 'classes'}`;
  return {
    places: inside.map(({ name, within }) => ({ name, part: undefined, inPart: within })),
    isSplit: false,
    notes: [
      ...notes,
      ...(parts.length === 0
        ? []
        : [`${alone}, because no other part of the same name is beside it: ${folderNames(parts)}`]),
    ],
  };
}

/** Undefined if the folder has no parts. */
function splitLayout(entries: readonly Entry[]): Layout | undefined {
  const { inside, notes } = withoutWrappers(entries);
  const names = inside.map(({ within }) => within);
  const split = splitHere(names) ?? splitInEach(names);
  if (split === undefined) return splitInMost(inside, notes);
  const found = inside.map(({ name, within }) => ({ name, ...split.placeOf(within) }));
  const left = names.filter((name, i) => found[i].part === undefined && !split.isSpare(name)).length;
  return {
    places: unwrapped(found.filter(({ part }) => part !== undefined)),
    isSplit: true,
    notes: [
      ...notes,
      ...split.notes,
      ...(left === 0 ? [] : [`left out, because they are beside these folders: ${left}`]),
    ],
  };
}

/** The parts in the folder that nearly everything is in. */
function splitInMost(entries: readonly Entry[], notes: readonly string[]): Layout | undefined {
  const groups = groupBy(entries, ({ within }) => topOf(within));
  const [top, most] = [...groups].reduce((a, b) => (b[1].length > a[1].length ? b : a), ['', []] as [string, Entry[]]);
  const left = entries.length - most.length;
  if (top === '' || !isFew(left, entries.length)) return undefined;
  const layout = splitLayout(most.map(({ name, within }) => ({ name, within: belowTop(within) })));
  return (
    layout && {
      ...layout,
      notes: [...notes, `left out, because they are beside ${printable(top)}/: ${left}`, ...layout.notes],
    }
  );
}

/** The parts among the first-level folders. */
function splitHere(names: readonly string[]) {
  const parts = partsAmong(topsOf(names));
  return (
    parts &&
    splitBy(
      (name) => parts.get(topOf(name)),
      topOf,
      names,
      (name, { className }) => (className === '' ? belowTop(name) : `${className}/${belowTop(name)}`),
    )
  );
}

/** The parts within each of the first-level folders, which are classes; one of them may lack a part. */
function splitInEach(names: readonly string[]) {
  const groups = [...groupBy(names, topOf)].map(([top, own]) => ({ top, own, folders: topsOf(own.map(belowTop)) }));
  const whole = groups.find(({ folders }) => partsAmong(folders) !== undefined);
  if (whole === undefined) return undefined;
  const complete = partsAmong(whole.folders)!;
  const of = new Map(groups.map(({ top, folders }) => [top, partsAmong(folders) ?? complete]));
  const partOf = (name: string): PartName | undefined => of.get(topOf(name))?.get(topOf(belowTop(name)));
  const beside = groups.filter(({ own }) => !own.some(partOf)).flatMap(({ own }) => own);
  if (beside.length > 0 && !isFew(beside.length, names.length)) return undefined;
  const split = splitBy(
    partOf,
    (name) => topOf(belowTop(name)),
    names,
    (name) => `${topOf(name)}/${belowTop(belowTop(name))}`,
  );
  const lacking = groups.filter(({ folders, own }) => own.some(partOf) && partsAmong(folders) === undefined);
  const lines = lacking.map(({ top, own }) => {
    const has = own.some((name) => partOf(name)?.kind === 'train');
    return `${printable(top)}/ has no folder for ${has ? 'testing' : 'training'}`;
  });
  return { ...split, notes: [...split.notes, ...lines] };
}

/** What the parts of names make of them. */
function splitBy(
  partOf: (name: string) => PartName | undefined,
  folderOf: (name: string) => string,
  names: readonly string[],
  inPartOf: (name: string, part: PartName) => string,
) {
  const written = (kind: Kind): string =>
    folderNames([...new Set(names.filter((name) => partOf(name)?.kind === kind).map(folderOf))].sort());
  // Without a test part, a model is tested on the images for validation.
  const tests = written('test') === '' ? 'validation' : 'test';
  const spare = tests === 'test' ? written('validation') : '';
  return {
    notes: [
      `split by its folders: ${written('train')} for training, ${written(tests)} for testing`,
      ...(spare === '' ? [] : [`left out: ${spare}, because there is a test part`]),
    ],
    placeOf(name: string): Omit<Place, 'name'> {
      const found = partOf(name);
      if (found === undefined) return { part: undefined, inPart: name };
      const part = found.kind === 'train' ? 'train' : found.kind === tests ? 'test' : undefined;
      return { part, inPart: inPartOf(name, found) };
    },
    isSpare: (name: string): boolean => spare !== '' && partOf(name)?.kind === 'validation',
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

/**
 * If every image is in a subfolder (of its part), the first-level subfolders are the classes. `train/Cats` and `test/cats`
 * are one.
 */
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
  const spelling = spellings(places);
  const classes = [...new Set(spelling.values())].sort();
  if (classes.length > MOST_CLASSES) {
    return { ...unlabelled, notes: [`no classes, because ${classes.length} subfolders are more than ${MOST_CLASSES}`] };
  }
  const positions = new Map(classes.map((name, i) => [name, i]));
  const labelOf = (name: string): number => positions.get(spelling.get(topOf(name))!)!;
  return { classes, labels: Uint8Array.from(names, labelOf), notes: [] };
}

/** Each class's name as the training images have it, where capital letters are all that differs and no part has both. */
function spellings(places: readonly Place[]): ReadonlyMap<string, string> {
  const tops = (part: Part): string[] =>
    topsOf(places.filter((place) => (place.part ?? 'train') === part).map(({ inPart }) => inPart));
  const [train, test] = [tops('train'), tops('test')];
  const [inTrain, inTest] = [train, test].map((own) => groupBy(own, (name) => name.toLowerCase()));
  const asInTrain = (name: string): string => {
    const [before, now] = [inTrain, inTest].map((own) => own.get(name.toLowerCase()) ?? []);
    return before.length === 1 && now.length === 1 ? before[0] : name;
  };
  return new Map([...train, ...test].map((name) => [name, asInTrain(name)]));
}
