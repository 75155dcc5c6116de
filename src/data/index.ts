/** Datasets by name, and folders of images by their path. */

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { nearestName } from '../base/rules.ts';
import { type Binarisation, binariseDataset } from './binarise.ts';
import { cifar10 } from './cifar10.ts';
import { type Dataset, type Fit, splitValidation } from './dataset.ts';
import { fashionMnist } from './fashion-mnist.ts';
import { loadFolder } from './folder.ts';
import { mnist } from './mnist.ts';
import { checkFolder, type LoadedDataset, type Report, type Source } from './source.ts';

export const datasets = { mnist, 'fashion-mnist': fashionMnist, cifar10 } as const satisfies Readonly<
  Record<string, Source>
>;

export type DatasetName = keyof typeof datasets;

export interface DatasetOptions {
  /** A known name, or a folder of images. */
  readonly dataset: string;
  /** A folder to read a known dataset from, instead of its usual source. */
  readonly dataDir?: string;
  /** For a folder of images: the side of the squares that they are cut and scaled to. */
  readonly imageSize?: number;
  /** For a folder of images: grey (1) or colour (3); by default as they are. */
  readonly imageChannels?: 1 | 3;
  readonly binarise: Binarisation;
  /** How many training images to set aside. */
  readonly validation: number;
  readonly seed: number;
}

const isKnown = (name: string): name is DatasetName => Object.hasOwn(datasets, name);
const isFolder = (name: string): boolean => existsSync(name) && statSync(name).isDirectory();

/**
 * A dataset's name, whatever the current folder: a known name as it is, a folder as its absolute path.
 * @throws ConfigError if it is neither.
 * @throws InputError if there is no folder at that path.
 */
export function resolveDataset(dataset: string): string {
  if (isKnown(dataset)) return dataset;
  if (!isFolder(dataset) && !/[/\\]|^\.+$/.test(dataset)) {
    const names = Object.keys(datasets);
    const nearest = nearestName(dataset, names);
    throw new ConfigError(
      `--dataset ${dataset}: expected ${names.join(', ')}, or a folder of images written as a path such as ./images` +
        (nearest === undefined ? '' : `; did you mean ${nearest}?`),
    );
  }
  checkFolder(dataset, '--dataset');
  return path.resolve(dataset);
}

/** How a user's picture is made to look like the dataset's own. */
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
  const { dataset, dataDir, imageSize, imageChannels, seed } = options;
  const name = resolveDataset(dataset);
  if (!isKnown(name)) {
    if (dataDir === undefined) {
      const folder = { seed, ...(imageSize && { imageSize }), ...(imageChannels && { channels: imageChannels }) };
      return loadFolder(name, folder, report);
    }
    throw new ConfigError(
      `--data-dir ${dataDir}: works only with ${Object.keys(datasets).join(', ')}; ${dataset} is a folder of images`,
    );
  }
  const unfit =
    imageSize !== undefined ? `--image-size ${imageSize}` : imageChannels && `--image-channels ${imageChannels}`;
  if (unfit !== undefined) {
    throw new ConfigError(
      `${unfit}: works only with a folder of images; the images of ${dataset} keep their size and colours`,
    );
  }
  return datasets[name].load(dataDir, report);
}
