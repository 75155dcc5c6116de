/** Parts of PNG files, for files that no library would write. */

import { crc32, deflateSync } from 'node:zlib';

/** A chunk with its length and checksum. */
export function pngChunk(type: string, body: Buffer = Buffer.alloc(0)): Buffer {
  const typed = Buffer.concat([Buffer.from(type), body]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, checksum]);
}

/** Depth 8 or 16; colour types 0 grey, 2 colour, 3 palette, 4 and 6 with opacity. */
export function pngHeader(width: number, height: number, depth = 8, colourType = 0, interlaced = 0): Buffer {
  const body = Buffer.alloc(13);
  body.writeUInt32BE(width, 0);
  body.writeUInt32BE(height, 4);
  body.set([depth, colourType, 0, 0, interlaced], 8);
  return pngChunk('IHDR', body);
}

/** A file of these chunks, with its end. */
export const pngOf = (...chunks: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...chunks, pngChunk('IEND')]);

/** Rows of samples, of which each byte is one (or half of one), with the filter "none". */
export function pngRows(height: number, samples: Uint8Array): Buffer {
  const bytes = samples.length / height;
  const rows = Array.from({ length: height }, (_, y) => [0, ...samples.subarray(y * bytes, (y + 1) * bytes)]);
  return Buffer.from(rows.flat());
}

export const pngPixels = (height: number, samples: Uint8Array): Buffer =>
  pngChunk('IDAT', deflateSync(pngRows(height, samples)));

/** Exif with nothing but an orientation, from 1 to 8. */
export const exifOf = (orientation: number): Buffer =>
  Buffer.from(`4d4d002a000000080001011200030000000100${orientation.toString(16).padStart(2, '0')}000000000000`, 'hex');

export const profileChunk = (icc: Uint8Array): Buffer =>
  pngChunk('iCCP', Buffer.concat([Buffer.from('profile\0\0'), deflateSync(icc)]));
