/** Images of one size that stay in a file, one after the other. */

import { closeSync } from 'node:fs';
import { describeSystemError, InputError } from '../base/errors.ts';
import { readFully } from '../base/file-parts.ts';
import type { PackedImages } from './dataset.ts';

interface Place {
  /** For messages. */
  readonly file: string;
  /** Closed with the images. */
  readonly descriptor: number;
  /** Where the first image begins. */
  readonly start: number;
  /** Bytes per image. */
  readonly pixels: number;
  /** Of all images. */
  readonly checksum: number;
  /** Throws if an image that was read is not what was written. */
  readonly check?: (image: Uint8Array, position: number) => void;
}

export function imagesIn({ file, descriptor, start, pixels, checksum, check }: Place): PackedImages {
  let open = true;
  return {
    pixels,
    checksum,
    read(positions) {
      const out = new Uint8Array(positions.length * pixels);
      try {
        // Neighbours in the file, asked for in its order, take one read.
        for (let i = 0, end = 1; i < positions.length; i = end++) {
          while (end < positions.length && positions[end] === positions[end - 1] + 1) end++;
          readFully(descriptor, out.subarray(i * pixels, end * pixels), start + positions[i] * pixels);
        }
      } catch (error) {
        throw new InputError(`cannot read ${file}: ${describeSystemError(error)}`);
      }
      if (check !== undefined) {
        positions.forEach((position, i) => {
          check(out.subarray(i * pixels, (i + 1) * pixels), position);
        });
      }
      return out;
    },
    close() {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}
