/** What a dataset is for the rest of this room: it gives training and test images, and reports its progress. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { InputError } from '../base/errors.ts';
import type { Dataset, Fit, ImageSet } from './dataset.ts';

/** Receives what is being done; this room prints nothing. */
export interface Report {
  /** A line that the user should read. */
  note(line: string): void;
  /** `done` of `total` units of longer work; called until both are equal, or until it fails. They may be fractions. */
  progress(title: string, done: number, total: number, unit: string): void;
}

export type LoadedDataset = Omit<Dataset, 'validation'>;

/** A dataset that is known by name: one file, and one line in index.ts. */
export interface Source {
  readonly fit: Fit;
  /**
   * The training and test images: from `dataDir` if it is given, otherwise from the usual place.
   * @throws InputError if a file is missing, damaged, or in another format.
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

/** A dataset's class names; numbers if a user's own files have more labels. */
export function classNames(names: readonly string[], ...sets: readonly ImageSet[]): readonly string[] {
  const count =
    1 + sets.flatMap(({ labels }) => [...new Set(labels)]).reduce((most, label) => Math.max(most, label), 0);
  return count <= names.length ? names : Array.from({ length: count }, (_, label) => String(label));
}
