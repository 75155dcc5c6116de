/**
 * Checks a PNG from its signature to its last pixel, because pngjs fills what is missing with black: every chunk's
 * checksum, and that the compressed pixels are whole. The PNG specification, third edition, sections 5 and 7.
 */

import { crc32, inflateSync } from 'node:zlib';
import { InputError } from '../base/errors.ts';

const SIGNATURE_BYTES = 8;
/** Length, type and checksum of a chunk. */
const FRAME_BYTES = 12;
const HEADER_BYTES = 13;

/** A file of a few kilobytes can claim a size larger than memory. */
export const MOST_PIXELS = 1e8;

/** Samples per pixel, by colour type: grey, –, colour, palette, grey with opacity, –, colour with opacity. */
const SAMPLES = [1, 0, 3, 1, 2, 0, 4];

/** The seven passes of Adam7: first column and row, and the steps between them. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * The PNG without the bytes after its end. `name` is for messages; the signature has been checked.
 * @throws InputError if anything of the picture is missing or damaged.
 */
export function checkedPng(content: Buffer, name: string): Buffer {
  const damaged = (what: string): never => {
    throw new InputError(`${name}: damaged PNG (${what}); it cannot be read`);
  };
  const compressed: Buffer[] = [];
  let header: Buffer | undefined;
  for (let at = SIGNATURE_BYTES; ; ) {
    if (at + FRAME_BYTES > content.length) return damaged('cut short');
    const length = content.readUInt32BE(at);
    const end = at + FRAME_BYTES + length;
    const type = content.toString('latin1', at + 4, at + 8);
    if (end > content.length) return damaged('cut short');
    if (crc32(content.subarray(at + 4, end - 4)) !== content.readUInt32BE(end - 4)) {
      return damaged(`the checksum of ${/^[A-Za-z]{4}$/.test(type) ? type : 'a chunk'} is wrong`);
    }
    const body = content.subarray(at + 8, end - 4);
    if (header === undefined && (type !== 'IHDR' || length !== HEADER_BYTES)) return damaged('it has no header');
    if (type === 'IHDR') header = body;
    if (type === 'IDAT') compressed.push(body);
    if (type === 'IEND') {
      checkPixels(header!, Buffer.concat(compressed), name, damaged);
      return content.subarray(0, end);
    }
    at = end;
  }
}

function checkPixels(header: Buffer, compressed: Buffer, name: string, damaged: (what: string) => never): void {
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const bitsPerPixel = header[8] * (SAMPLES[header[9]] ?? 0);
  if (width === 0 || height === 0) damaged('it has no pixels');
  if (bitsPerPixel === 0) damaged('its kind of colour does not exist');
  if (width * height > MOST_PIXELS) {
    throw new InputError(
      `${name}: ${width} × ${height} pixels are too many (at most 100 million); scale it down first`,
    );
  }
  // Every row of every pass begins with a byte that names its filter.
  const bytesOf = (columns: number, rows: number): number =>
    columns === 0 ? 0 : rows * (1 + Math.ceil((columns * bitsPerPixel) / 8));
  const expected =
    header[12] === 0
      ? bytesOf(width, height)
      : PASSES.reduce((sum, [left, top, across, down]) => {
          const [columns, rows] = [Math.ceil((width - left) / across), Math.ceil((height - top) / down)];
          return sum + bytesOf(Math.max(0, columns), Math.max(0, rows));
        }, 0);
  let actual = 0;
  try {
    actual = inflateSync(compressed, { maxOutputLength: expected + 1 }).length;
  } catch (error) {
    const more = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    damaged(more ? 'it has more pixels than its header says' : 'its pixels cannot be decompressed');
  }
  if (actual !== expected) damaged('pixels are missing or too many');
}
