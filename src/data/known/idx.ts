/** The IDX format of the MNIST files: a magic number that gives type and rank, the sizes, then the values. */

import { constants, crc32, gunzipSync } from 'node:zlib';
import { InputError } from '../../base/errors.ts';
import { blocksOf, type OpenFile, readFrom, readFully, withFile } from '../../base/file-parts.ts';
import type { PackedImages } from '../dataset.ts';
import { imagesIn } from '../file-images.ts';

const UNSIGNED_BYTE = 0x08;
const MOST_AXES = 4;
const LONGEST_HEADER = 4 + 4 * MOST_AXES;

/** More values stay in the file, and are read batch by batch. */
const RESIDENT_BYTES = 2 ** 30;
/** What a gzipped file may become, in memory: images are not compressed further than that. */
const GZIP = { small: 2 ** 26, ratio: 100, most: RESIDENT_BYTES } as const;

export interface IdxFile {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Uint8Array;
}

/** Images in such a file: [count, height, width], and where their values are. */
export interface IdxImages {
  readonly shape: readonly number[];
  readonly values: Uint8Array | PackedImages;
}

interface Header {
  readonly shape: readonly number[];
  /** Where the values begin. */
  readonly start: number;
  /** Bytes of the whole file. */
  readonly bytes: number;
}

/** Reads the beginning of a file of `bytes` bytes. */
function parseHeader(head: Buffer, bytes: number, name: string): Header {
  if (bytes < 4) throw new InputError(`${name}: expected an IDX file, got ${bytes} bytes`);
  const [zero, zeroToo, type, rank] = head;
  if (zero !== 0 || zeroToo !== 0 || type !== UNSIGNED_BYTE || rank < 1 || rank > MOST_AXES) {
    const magic = head.subarray(0, 4).toString('hex');
    throw new InputError(
      `${name}: not an IDX file of unsigned bytes (it starts with 0x${magic}, expected 0x000008 and the number of axes)`,
    );
  }
  const start = 4 + 4 * rank;
  if (bytes < start) throw new InputError(`${name}: cut short inside its header (${bytes} bytes)`);
  const shape = Array.from({ length: rank }, (_, axis) => head.readUInt32BE(4 + 4 * axis));
  return { shape, start, bytes: start + shape.reduce((product, size) => product * size, 1) };
}

function checkSize({ shape, bytes: expected }: Header, bytes: number, name: string): void {
  if (bytes === expected) return;
  const problem = bytes < expected ? 'cut short' : 'longer than its header says';
  throw new InputError(
    `${name}: ${problem}: its header, ${shape.join(' × ')}, asks for ${expected} bytes and it has ${bytes}; download it again`,
  );
}

const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

/**
 * Reads unsigned bytes of any rank, gzipped or not. `name` is for messages.
 * @throws InputError if the bytes are not exactly one such file.
 */
export function parseIdx(content: Uint8Array, name: string): IdxFile {
  const bytes = isGzip(content)
    ? unzip(content, name)
    : Buffer.from(content.buffer, content.byteOffset, content.length);
  const header = parseHeader(bytes, bytes.length, name);
  checkSize(header, bytes.length, name);
  return { shape: header.shape, values: bytes.subarray(header.start) };
}

/** Unpacks what its own header asks for, and no more: a few megabytes can hold gigabytes of zeros. */
function unzip(content: Uint8Array, name: string): Buffer {
  const damaged = (error: unknown) =>
    new InputError(`${name}: damaged gzip data (${(error as Error).message}); download it again`);
  let head: Buffer;
  try {
    // As much as the first kilobytes give.
    const beginning = content.subarray(0, 4096);
    head = gunzipSync(beginning, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 2 ** 23 });
  } catch (error) {
    throw damaged(error);
  }
  // A file that ends within its header is unpacked as a whole, to be described.
  const header = head.length < LONGEST_HEADER ? undefined : parseHeader(head, Number.POSITIVE_INFINITY, name);
  const expected = header?.bytes ?? LONGEST_HEADER;
  const most = Math.min(GZIP.most, Math.max(GZIP.small, GZIP.ratio * content.length));
  if (expected > most) {
    throw new InputError(
      `${name}: its header, ${header?.shape.join(' × ')}, asks for ${expected} bytes, but the gzip file has only ${content.length}; if that is right, unpack it with gunzip first`,
    );
  }
  try {
    return gunzipSync(content, { maxOutputLength: Math.max(1, expected) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw damaged(error);
    throw new InputError(`${name}: longer than its header says (${expected} bytes); download it again`);
  }
}

/**
 * Reads such a file. Very many values stay in it, and are read image by image: along the first axis.
 * @throws InputError if it cannot be read, or is not exactly one such file.
 */
export function readIdx(file: string, residentBytes = RESIDENT_BYTES): IdxImages {
  return withFile(file, (opened, keep) => {
    const head = Buffer.alloc(Math.min(LONGEST_HEADER, opened.bytes));
    readFully(opened.descriptor, head, 0);
    if (isGzip(head)) {
      if (opened.bytes > GZIP.most) {
        throw new InputError(`${file}: ${opened.bytes} bytes of gzip are too many; unpack it with gunzip`);
      }
      return parseIdx(readFrom(opened), file);
    }
    const header = parseHeader(head, opened.bytes, file);
    checkSize(header, opened.bytes, file);
    const { shape, start } = header;
    if (opened.bytes - start <= residentBytes) return { shape, values: readFrom(opened, start) };
    keep();
    return { shape, values: valuesIn(file, opened, header) };
  });
}

function valuesIn(file: string, opened: OpenFile, { shape, start }: Header): PackedImages {
  const pixels = shape.slice(1).reduce((product, size) => product * size, 1);
  let checksum = 0;
  for (const block of blocksOf(opened, start)) checksum = crc32(block, checksum);
  return imagesIn({ file, descriptor: opened.descriptor, start, pixels, checksum });
}
