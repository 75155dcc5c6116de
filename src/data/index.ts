/** Datasets by name. */

import { type Binarisation, binariseDataset } from './binarise.ts';
import { type Dataset, splitValidation } from './dataset.ts';
import { loadMnist } from './mnist.ts';

export const datasets = { mnist: loadMnist } as const;

export type DatasetName = keyof typeof datasets;

export interface DatasetOptions {
  readonly dataset: DatasetName;
  /** A folder to read instead of the dataset's usual source. */
  readonly dataDir?: string;
  readonly binarise: Binarisation;
  /** How many training images to set aside. */
  readonly validation: number;
  readonly seed: number;
}

/** @throws InputError if the data is missing or damaged. */
export function loadDataset({ dataset: name, dataDir, binarise, validation, seed }: DatasetOptions): Dataset {
  const loaded = binariseDataset(datasets[name](dataDir), binarise, seed);
  return { ...loaded, ...splitValidation(loaded.train, validation, seed) };
}
