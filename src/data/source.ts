/** What a dataset is to the rest of this room: something that gives training and test images, and tells how it goes on. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { InputError } from '../base/errors.ts';
import type { Dataset, Fit, ImageSet } from './dataset.ts';

/** Where it is told what is being done; this room prints nothing. */
export interface Report {
  /** A line that the user should read. */
  note(line: string): void;
  /** `done` of `total` units of a longer piece of work, called until they are equal, or until it fails. Neither need be whole. */
  progress(title: string, done: number, total: number, unit: string): void;
}

export type LoadedDataset = Omit<Dataset, 'validation'>;

/** A dataset that is known by name: one file, and one line in index.ts. */
export interface Source {
  readonly fit: Fit;
  /**
   * The training and test images: of `dataDir` where it is given, else from the usual place.
   * @throws InputError if a file is missing, damaged, or of another kind.
   */
  load(dataDir: string | undefined, report: Report): Promise<LoadedDataset>;
}

/** A dataset's card, data/<name>.json: where it comes from and what is in it. */
export function readCard<Card>(name: string): Card {
  return JSON.parse(readFileSync(new URL(`../../data/${name}.json`, import.meta.url), 'utf8'));
}

/** @throws InputError if there is no such folder. `field` is the setting that names it. */
export function checkFolder(folder: string, field: string): void {
  if (!existsSync(folder)) throw new InputError('no such folder', { field, value: folder });
  if (!statSync(folder).isDirectory())
    throw new InputError('it is a file; expected a folder', { field, value: folder });
}

/** A dataset's class names; numbers where a user's own files of that format have labels beyond them. */
export function classNames(names: readonly string[], ...sets: readonly ImageSet[]): readonly string[] {
  const count =
    1 + sets.flatMap(({ labels }) => [...new Set(labels)]).reduce((most, label) => Math.max(most, label), 0);
  return count <= names.length ? names : Array.from({ length: count }, (_, label) => String(label));
}
