/** CIFAR-10: 60,000 photographs of 32 × 32 in ten classes. */

import { InputError } from '../errors.ts';
import { CIFAR_SHAPE, readCifarBatches } from './cifar-batches.ts';
import { checkFolder, readCard, type Source } from './source.ts';

interface Card {
  readonly classes: readonly string[];
}

export const cifar10: Source = {
  fit: 'photo',
  async load(dataDir) {
    const { classes } = readCard<Card>('cifar10');
    if (dataDir === undefined) throw new InputError('cifar10: name the folder of its binary batches with --data-dir');
    checkFolder(dataDir, '--data-dir');
    return { name: 'cifar10', fit: 'photo', classes, imageShape: CIFAR_SHAPE, ...readCifarBatches(dataDir) };
  },
};
