/** Datasets by name. */

import { ConfigError } from '../errors.ts';
import { type Binarisation, binariseDataset } from './binarise.ts';
import { cifar10 } from './cifar10.ts';
import { type Dataset, splitValidation } from './dataset.ts';
import { fashionMnist } from './fashion-mnist.ts';
import { mnist } from './mnist.ts';
import type { Report, Source } from './source.ts';

export const datasets = { mnist, 'fashion-mnist': fashionMnist, cifar10 } as const satisfies Readonly<
  Record<string, Source>
>;

export type DatasetName = keyof typeof datasets;

const isKnown = (name: string): name is DatasetName => Object.hasOwn(datasets, name);

export interface DatasetOptions {
  /** A known name. */
  readonly dataset: string;
  /** A folder to read instead of the dataset's usual source. */
  readonly dataDir?: string;
  readonly binarise: Binarisation;
  /** How many training images to set aside. */
  readonly validation: number;
  readonly seed: number;
}

/**
 * @throws InputError if the data is missing or damaged.
 * @throws ConfigError if there is no such dataset, or an option does not fit it.
 */
export async function loadDataset(options: DatasetOptions, report: Report): Promise<Dataset> {
  const { dataset: name, dataDir, binarise, validation, seed } = options;
  if (!isKnown(name)) throw new ConfigError(`--dataset ${name}: expected one of ${Object.keys(datasets).join(', ')}`);
  const loaded = binariseDataset(await datasets[name].load(dataDir, report), binarise, seed);
  return { ...loaded, ...splitValidation(loaded.train, validation, seed) };
}
