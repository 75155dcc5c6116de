/**
 * Files of images of one size: a magic line, the images' bytes one after the other, then an index that describes
 * them, its length and checksum, and the magic line again. A file that was cut anywhere has no such end.
 */

import { closeSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { describeSystemError, InputError } from '../../base/errors.ts';
import { type OpenFile, openFile, readFully } from '../../base/file-parts.ts';
import { quietly, temporaryName } from '../../base/files.ts';
import type { PackedImages } from '../dataset.ts';
import { imagesIn } from '../file-images.ts';

const MAGIC = Buffer.from('vae images v1\r\n\n');
/** Length and CRC of the index, and the magic line. */
const END_BYTES = 8 + MAGIC.length;

/** What the file says about its images; `about` is what its writer added. */
interface Index<About> {
  readonly count: number;
  /** Bytes per image. */
  readonly pixels: number;
  /** CRC of all images. */
  readonly checksum: number;
  /** CRC of each image: 32 bits, little-endian, in Base64. */
  readonly checksums: string;
  readonly about: About;
}

export interface Pack<About> {
  readonly about: About;
  readonly count: number;
  /** Bytes of the file. */
  readonly bytes: number;
  /** CRC of each image. */
  readonly checksums: Uint32Array;
  /** What is read is compared with the checksums: it is what was written, or an error. */
  readonly images: PackedImages;
}

/** Opens such a file; undefined if there is none, or it is incomplete. Only its index is read. */
export function openPack<About>(file: string): Pack<About> | undefined {
  let opened: OpenFile;
  try {
    opened = openFile(file);
  } catch {
    return undefined;
  }
  const { descriptor, bytes } = opened;
  try {
    const index = readIndex<About>(descriptor, bytes);
    if (index !== undefined) {
      const { about, count } = index;
      const checksums = decodeChecksums(index.checksums);
      if (checksums.length === count) {
        return { about, count, bytes, checksums, images: packedImages(descriptor, file, index, checksums) };
      }
    }
  } catch {
    // Whatever is wrong with it, the file is written again.
  }
  closeSync(descriptor);
  return undefined;
}

function readIndex<About>(descriptor: number, bytes: number): Index<About> | undefined {
  if (bytes < MAGIC.length + END_BYTES) return undefined;
  const end = Buffer.alloc(END_BYTES);
  readFully(descriptor, end, bytes - END_BYTES);
  const start = bytes - END_BYTES - end.readUInt32LE(0);
  if (!end.subarray(8).equals(MAGIC) || start < MAGIC.length) return undefined;
  const text = Buffer.alloc(end.readUInt32LE(0));
  readFully(descriptor, text, start);
  if (crc32(text) !== end.readUInt32LE(4)) return undefined;
  const index: Index<About> = JSON.parse(text.toString());
  return start === MAGIC.length + index.count * index.pixels ? index : undefined;
}

function encodeChecksums(checksums: readonly number[]): string {
  const bytes = Buffer.alloc(4 * checksums.length);
  checksums.forEach((checksum, i) => {
    bytes.writeUInt32LE(checksum, 4 * i);
  });
  return bytes.toString('base64');
}

function decodeChecksums(text: string): Uint32Array {
  const bytes = Buffer.from(text, 'base64');
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i));
}

function packedImages(descriptor: number, file: string, index: Index<unknown>, checksums: Uint32Array): PackedImages {
  const { pixels, checksum } = index;
  const check = (image: Uint8Array, position: number): void => {
    if (crc32(image) === checksums[position]) return;
    throw new InputError(
      `${file}: damaged: image ${position} is not what was written; remove the file and run the command again`,
    );
  };
  return imagesIn({ file, descriptor, start: MAGIC.length, pixels, checksum, check });
}

/** Writes such a file under a temporary name; only `finish` gives it its own. */
export class PackWriter {
  private readonly file: string;
  private readonly temporary: string;
  private readonly descriptor: number;
  private pixels: number;
  private count = 0;
  private checksum = 0;
  private checksums: number[] = [];
  private at = MAGIC.length;

  /** @throws InputError, as every method does, if the file cannot be written; `abandon` it then. */
  constructor(file: string, pixels: number) {
    this.file = file;
    this.temporary = temporaryName(file);
    this.pixels = pixels;
    this.descriptor = this.guard(() => openSync(this.temporary, 'wx+'));
  }

  /** Adds an image of `pixels` bytes. */
  append(image: Uint8Array): void {
    this.write(image);
    this.checksum = crc32(image, this.checksum);
    this.checksums.push(crc32(image));
    this.count++;
  }

  /** Keeps the first `pixels` bytes of each image so far. */
  shrinkTo(pixels: number): void {
    const [count, before] = [this.count, this.pixels];
    const image = new Uint8Array(pixels);
    [this.at, this.count, this.checksum, this.checksums, this.pixels] = [MAGIC.length, 0, 0, [], pixels];
    // An image is never written beyond the place where the next one is read.
    for (let i = 0; i < count; i++) {
      this.guard(() => readFully(this.descriptor, image, MAGIC.length + i * before));
      this.append(image);
    }
    this.guard(() => ftruncateSync(this.descriptor, this.at));
  }

  finish<About>(about: About): void {
    const { count, pixels, checksum } = this;
    const checksums = encodeChecksums(this.checksums);
    const text = Buffer.from(JSON.stringify({ count, pixels, checksum, checksums, about } satisfies Index<About>));
    const end = Buffer.alloc(8);
    end.writeUInt32LE(text.length, 0);
    end.writeUInt32LE(crc32(text), 4);
    this.write(Buffer.concat([text, end, MAGIC]));
    this.at = 0;
    this.write(MAGIC);
    this.guard(() => {
      fsyncSync(this.descriptor);
      renameSync(this.temporary, this.file);
    });
    closeSync(this.descriptor);
  }

  /** Removes the temporary file. */
  abandon(): void {
    quietly(() => closeSync(this.descriptor));
    quietly(() => rmSync(this.temporary, { force: true }));
  }

  private write(bytes: Uint8Array): void {
    this.guard(() => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.descriptor, bytes, done, bytes.length - done, this.at + done);
      }
    });
    this.at += bytes.length;
  }

  private guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new InputError(`cannot write ${this.file}: ${describeSystemError(error)}`);
    }
  }
}
