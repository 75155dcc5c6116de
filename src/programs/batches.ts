/** How a program gets the pixels of its batch: from images that stay with the engine, or handed over at each run. */

import type { ImageSet } from '../data/dataset.ts';
import type { Bindings, Call } from '../engines/engine.ts';
import { argument, data, type Tensor } from '../tensor/tensor.ts';

export interface BatchSource {
  /** What the programs are bound to. */
  readonly data: Bindings['data'];
  /** uint8 [B, D] in a program. */
  pixels(batch: number): Tensor;
  /** What a run is given for the images at these positions. */
  at(positions: Int32Array): NonNullable<Call['arguments']>;
}

/** Images in memory are gathered by the program itself; those in a file are read batch by batch. */
export function batchSource({ images, count }: ImageSet, size: number): BatchSource {
  if (images instanceof Uint8Array) {
    return {
      data: { images },
      pixels: (batch) => data('images', [count, size], 'uint8').gather(argument('indices', [batch], 'int32')),
      at: (indices) => ({ indices }),
    };
  }
  return {
    data: {},
    pixels: (batch) => argument('pixels', [batch, size], 'uint8'),
    at: (positions) => ({ pixels: images.read(positions) }),
  };
}
