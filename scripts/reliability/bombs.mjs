/** Small files that say they are large, and are: what decodes them whole takes seconds and gigabytes. */

import { constants, crc32, deflateRawSync, gzipSync } from 'node:zlib';

const PIECE = 2 ** 25;

/** Zeros as zlib data. A piece that ends on a whole byte can be repeated. */
function zlibZeros(length) {
  const piece = deflateRawSync(Buffer.alloc(PIECE), { finishFlush: constants.Z_SYNC_FLUSH });
  const whole = Math.floor(length / PIECE);
  const end = Buffer.alloc(4);
  // Adler-32 of zeros: the first sum stays 1, the second counts them.
  end.writeUInt32BE((((length % 65521) << 16) | 1) >>> 0);
  const rest = deflateRawSync(Buffer.alloc(length - whole * PIECE));
  return Buffer.concat([Buffer.of(0x78, 0x9c), ...Array.from({ length: whole }, () => piece), rest, end]);
}

function chunk(type, body) {
  const typed = Buffer.concat([Buffer.from(type), body]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, checksum]);
}

function pngBomb(width, height, depth, colour, samples) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  [header[8], header[9]] = [depth, colour];
  const rows = height * (1 + Math.ceil((width * depth * samples) / 8));
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', zlibZeros(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** IDX images of zeros: gzip data may be repeated too. */
function idxBomb(count) {
  const header = Buffer.alloc(16);
  [0x803, count, 1024, 1024].forEach((value, i) => {
    header.writeUInt32BE(value, 4 * i);
  });
  const piece = gzipSync(Buffer.alloc(2 ** 26));
  return Buffer.concat([gzipSync(header), ...Array.from({ length: (count * 2 ** 20) / 2 ** 26 }, () => piece)]);
}

export const BOMBS = {
  'png of one bit': () => pngBomb(10_000, 10_000, 1, 0, 1),
  'png of sixteen bits': () => pngBomb(9_900, 9_900, 16, 6, 4),
  'png of colours': () => pngBomb(10_000, 9_999, 8, 2, 3),
  'png with one long row': () => pngBomb(99_000_000, 1, 8, 0, 1),
  'png with one long column': () => pngBomb(1, 99_000_000, 8, 2, 3),
  'gzipped idx': () => idxBomb(3072),
};
