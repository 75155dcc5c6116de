/** Datasets by name, and folders of images by their path. */

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { nearestName } from '../base/rules.ts';
import { type Binarisation, binariseDataset } from './binarise.ts';
import { type Dataset, type Fit, splitValidation } from './dataset.ts';
import { loadFolder } from './folders/folder.ts';
import type { RecordedSplit } from './folders/recorded-split.ts';
import { cifar10 } from './known/cifar10.ts';
import { fashionMnist } from './known/fashion-mnist.ts';
import { mnist } from './known/mnist.ts';
import { checkFolder, type LoadedDataset, type Report, type Source } from './source.ts';

export const datasets = { mnist, 'fashion-mnist': fashionMnist, cifar10 } as const satisfies Readonly<
  Record<string, Source>
>;

export type DatasetName = keyof typeof datasets;

export interface DatasetOptions {
  /** A known name, or a folder of images. */
  readonly dataset: string;
  /** A folder to read instead of a known dataset's usual source. */
  readonly dataDir?: string;
  /** Of a folder of images: the side of the squares that they become. */
  readonly imageSize?: number;
  /** Of a folder of images: grey or colour; by default what they are. */
  readonly imageChannels?: 1 | 3;
  readonly binarise: Binarisation;
  /** How many training images to set aside. */
  readonly validation: number;
  readonly seed: number;
  /** Of a folder of images: those of an earlier run, whose parts stay as they were. */
  readonly recorded?: RecordedSplit | undefined;
  /** How many channels the recorded images had. */
  readonly recordedChannels?: 1 | 3 | undefined;
  /** Whether other images than the recorded ones may be read; they are split anew. */
  readonly mayDiffer?: boolean;
}

export const isKnown = (name: string): name is DatasetName => Object.hasOwn(datasets, name);
const isFolder = (name: string): boolean => existsSync(name) && statSync(name).isDirectory();

/**
 * What a dataset is called wherever one is: a known name as it is, a folder by its absolute path.
 * @throws ConfigError if it is neither.
 * @throws InputError if it is the path of no folder.
 */
export function resolveDataset(dataset: string): string {
  if (isKnown(dataset)) return dataset;
  if (!isFolder(dataset) && !/[/\\]|^\.+$/.test(dataset)) {
    const names = Object.keys(datasets);
    const nearest = nearestName(dataset, names);
    throw new ConfigError(
      `expected ${names.join(', ')}, or a folder of images written as a path such as ./images` +
        (nearest === undefined ? '' : `; did you mean ${nearest}?`),
      { field: 'dataset', value: dataset },
    );
  }
  checkFolder(dataset, 'dataset');
  return path.resolve(dataset);
}

/** How a picture from outside is made to look like a dataset's own. */
export const fitOf = (dataset: string): Fit => (isKnown(dataset) ? datasets[dataset].fit : 'photo');

/**
 * @throws InputError if the data is missing or damaged.
 * @throws ConfigError if there is no such dataset, or an option does not fit it.
 */
export async function loadDataset(options: DatasetOptions, report: Report): Promise<Dataset> {
  const { binarise, validation, seed } = options;
  const loaded = binariseDataset(await load(options, report), binarise, seed);
  return { ...loaded, ...splitValidation(loaded.train, validation, seed) };
}

function load(options: DatasetOptions, report: Report): Promise<LoadedDataset> {
  const { dataset, dataDir, imageSize, imageChannels, seed, recorded, recordedChannels, mayDiffer } = options;
  const name = resolveDataset(dataset);
  if (!isKnown(name)) {
    if (dataDir === undefined) {
      const folder = { seed, ...(imageSize && { imageSize }), ...(imageChannels && { channels: imageChannels }) };
      return loadFolder(name, { ...folder, recorded, recordedChannels, mayDiffer }, report);
    }
    throw new ConfigError(`works only with ${Object.keys(datasets).join(', ')}; ${dataset} is a folder of images`, {
      field: 'dataDir',
      value: dataDir,
    });
  }
  const unfit = Object.entries({ imageSize, imageChannels }).find(([, value]) => value !== undefined);
  if (unfit !== undefined) {
    const [field, value] = unfit;
    throw new ConfigError(`works only with a folder of images; those of ${dataset} stay as they are`, { field, value });
  }
  return datasets[name].load(dataDir, report);
}
