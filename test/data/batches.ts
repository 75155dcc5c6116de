/** Small batches in CIFAR-10's binary format. */

import { randomBits } from '../../src/random/random.ts';

const PIXELS = 3 * 32 * 32;

/** A record for each label, with pixels that depend on it. */
export function cifarBatch(labels: readonly number[]): Buffer {
  const records = labels.flatMap((label) => [
    Buffer.of(label),
    Buffer.from(randomBits({ seed: 2, stream: 'cifar', step: label }, PIXELS / 4).buffer),
  ]);
  return Buffer.concat(records);
}
