/** Which of the folders beside each other are the parts of a dataset, by their names. */

import { groupBy } from '../../base/groups.ts';

const KINDS = ['train', 'validation', 'test'] as const;
export type Kind = (typeof KINDS)[number];

/** What people call the parts, in small letters. */
const WORDS: Readonly<Record<Kind, readonly string[]>> = {
  train: ['train', 'training', 'trn', 'trainset', 'traindata'],
  validation: ['val', 'valid', 'validation', 'valset', 'dev', 'devset', 'eval', 'evaluation'],
  test: ['test', 'testing', 'tst', 'testset', 'testdata'],
};
/** Too short to be a name of their own; only beside other words: `imagesTr` and `imagesTs`. */
const SHORT_WORDS: Readonly<Record<string, Kind>> = { tr: 'train', ts: 'test' };
/** Words that may stand beside those: `training_set`, `seg_train`, `test images`, `train2017`. */
const FILLERS = ['set', 'data', 'dataset', 'split', 'images', 'image', 'imgs', 'img', 'seg', 'samples', 'folder'];

/** What a folder is for. */
export interface PartName {
  readonly kind: Kind;
  /** The rest of its name, where the folders have several: the A of trainA, trainB, testA and testB. */
  readonly className: string;
}

/** One way to read a name. */
interface Reading {
  readonly folder: string;
  readonly kind: Kind;
  /** The name without the word of the part. */
  readonly rest: string;
  /** Whether only numbers and words that say nothing are beside it. */
  readonly isPlain: boolean;
}

/** The words of a name in snake_case, kebab-case or camelCase, or with dots or numbers between them. */
const WORD = /\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|[\p{Lo}\p{Lm}\p{Lt}]+/gu;

function readingsOf(folder: string): Reading[] {
  const words = [...folder.matchAll(WORD)];
  return words.flatMap(({ 0: written, index }) => {
    const word = written.toLowerCase();
    const kind = KINDS.find((each) => WORDS[each].includes(word)) ?? (words.length > 1 ? SHORT_WORDS[word] : undefined);
    if (kind === undefined) return [];
    const sides = [folder.slice(0, index), folder.slice(index + written.length)];
    const rest = [sides[0].replace(/[^\p{L}\p{N}]+$/u, ''), sides[1].replace(/^[^\p{L}\p{N}]+/u, '')];
    const isPlain = words.every((other) => other.index === index || FILLERS.includes(other[0].toLowerCase()));
    return [{ folder, kind, rest: rest.filter((side) => side !== '').join('_'), isPlain }];
  });
}

const isSplit = (readings: readonly Reading[]): boolean =>
  readings.some(({ kind }) => kind === 'train') && readings.some(({ kind }) => kind !== 'train');

/**
 * The folders that are parts, if there is one for training and one for testing or validation among them: those whose names
 * say nothing else, or else those whose names are equal but for the word of the part.
 */
export function partsAmong(folders: readonly string[]): ReadonlyMap<string, PartName> | undefined {
  const readings = folders.flatMap(readingsOf);
  const plain = readings.filter(({ isPlain }) => isPlain);
  if (isSplit(plain)) return new Map(plain.map(({ folder, kind }) => [folder, { kind, className: '' }]));
  const groups = groupBy(readings, ({ rest }) => rest.toLowerCase());
  const split = [...groups.values()].filter(isSplit);
  if (split.length === 0) return undefined;
  const parts = split
    .flat()
    .map(({ folder, kind, rest }) => ({ folder, kind, className: split.length > 1 ? rest : '' }));
  return new Map(parts.map(({ folder, ...part }) => [folder, part]));
}

/** Whether a name has the whole word of a part. */
export const hasPartWord = (folder: string): boolean => readingsOf(folder).length > 0;
