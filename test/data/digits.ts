/** Small datasets in the files of MNIST. */

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { randomBits } from '../../src/random/random.ts';

export function encodeIdx(shape: readonly number[], values: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x0800 + shape.length);
  shape.forEach((size, axis) => {
    header.writeUInt32BE(size, 4 + 4 * axis);
  });
  return Buffer.concat([header, values]);
}

export const SIDE = 8;

/** Images of 8 × 8: one of four bright bars, in noise. */
function drawBar(image: number, stream: string): Uint8Array {
  const bits = randomBits({ seed: 9, stream, step: image }, SIDE * SIDE);
  const [upright, place] = [image % 2 === 0, 1 + (image % 4)];
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    const position = upright ? i % SIDE : Math.floor(i / SIDE);
    return (position === place || position === place + 1 ? 200 : 0) + (bits[i] % 50);
  });
}

/** Writes the four files with the given numbers of images. */
export function writeDigits(folder: string, train: number, test: number, pixel?: (i: number) => number): void {
  mkdirSync(folder, { recursive: true });
  for (const [prefix, count] of [
    ['train', train],
    ['t10k', test],
  ] as const) {
    const images = new Uint8Array(count * SIDE * SIDE);
    for (let i = 0; i < count; i++) images.set(drawBar(i, prefix), i * SIDE * SIDE);
    const values = pixel === undefined ? images : images.map((_, i) => pixel(i));
    writeFileSync(path.join(folder, `${prefix}-images-idx3-ubyte`), encodeIdx([count, SIDE, SIDE], values));
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 4);
    writeFileSync(path.join(folder, `${prefix}-labels-idx1-ubyte`), encodeIdx([count], labels));
  }
}
