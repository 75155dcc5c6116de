/** The IDX format of the MNIST files: a magic number that gives type and rank, the sizes, then the values. */

import { gunzipSync } from 'node:zlib';
import { InputError } from '../base/errors.ts';

const UNSIGNED_BYTE = 0x08;

export interface IdxFile {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Uint8Array;
}

/**
 * Reads unsigned bytes of any rank, gzipped or not. `name` is for messages.
 * @throws InputError if the bytes are not exactly one such file.
 */
export function parseIdx(content: Uint8Array, name: string): IdxFile {
  const bytes = Buffer.from(unzip(content, name));
  if (bytes.length < 4) throw new InputError(`${name}: expected an IDX file, got ${bytes.length} bytes`);
  const [zero, zeroToo, type, rank] = bytes;
  if (zero !== 0 || zeroToo !== 0 || type !== UNSIGNED_BYTE || rank < 1 || rank > 4) {
    const magic = bytes.subarray(0, 4).toString('hex');
    throw new InputError(
      `${name}: not an IDX file of unsigned bytes (it starts with 0x${magic}, expected 0x000008 and the number of axes)`,
    );
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw new InputError(`${name}: cut short inside its header (${bytes.length} bytes)`);
  const shape = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const expected = start + shape.reduce((product, size) => product * size, 1);
  if (bytes.length !== expected) {
    const problem = bytes.length < expected ? 'cut short' : 'longer than its header says';
    throw new InputError(
      `${name}: ${problem}: its header, ${shape.join(' × ')}, asks for ${expected} bytes and it has ${bytes.length}; download it again`,
    );
  }
  return { shape, values: bytes.subarray(start) };
}

function unzip(content: Uint8Array, name: string): Uint8Array {
  if (content[0] !== 0x1f || content[1] !== 0x8b) return content;
  try {
    return gunzipSync(content);
  } catch (error) {
    throw new InputError(`${name}: damaged gzip data (${(error as Error).message}); download it again`);
  }
}
