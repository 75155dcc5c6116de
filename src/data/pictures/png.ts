/** Reads and writes PNG files, with pngjs. */

import { crc32 } from 'node:zlib';
import { PNG } from 'pngjs';
import { InputError } from '../../base/errors.ts';
import { checkSize } from './decoding-cost.ts';
import { formatOf } from './formats.ts';
import type { Picture } from './picture.ts';
import { aboutPng, headerOf, isPng, plainPng } from './png-structure.ts';

/**
 * Decodes grey, colour, palette, 16-bit and transparent PNGs alike. `name` is for messages.
 * @throws InputError if the bytes are no PNG, or anything of the picture is missing.
 */
export function decodePng(content: Buffer, name: string): Picture {
  if (content.length === 0) throw new InputError(`${name}: the file is empty; expected a PNG`);
  if (!isPng(content)) {
    const { name: found, instead = 'convert it to PNG first' } = formatOf(content) ?? { name: 'something else' };
    throw new InputError(`${name}: expected a PNG, but it is ${found}; ${instead}`);
  }
  const { width, height, bits, samples } = headerOf(content, name);
  checkSize({ width, height, held: (PNGJS_COPIES * bits * samples) / 8 }, name);
  const plain = plainPng(content, name);
  try {
    const { data, ...size } = PNG.sync.read(plain);
    return { width: size.width, height: size.height, rgba: data, ...describeIgnored(content) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`${name}: damaged PNG (${reason}); it cannot be read`);
  }
}

/** How often the pixels are held besides what comes out. */
const PNGJS_COPIES = 4;

function describeIgnored(content: Buffer): { ignored?: string } {
  const { orientation, hasProfile } = aboutPng(content);
  const ignored = [...(orientation > 1 ? ['orientation'] : []), ...(hasProfile ? ['colour profile'] : [])];
  if (ignored.length === 0) return {};
  return { ignored: `read without ${ignored.join(' and ')}, because the package sharp cannot be loaded` };
}

/** Each byte as its difference from its neighbours: files as small as with the best filter for each row, in half the time. */
const PAETH = 4;

/** Encodes rows of grey (1 channel) or colour (3 channels) bytes, [height, width, channels]. */
export function encodePng(width: number, height: number, channels: 1 | 3, bytes: Uint8Array): Buffer {
  const colorType = channels === 1 ? 0 : 2;
  const png = new PNG({ width, height, colorType, inputColorType: colorType, inputHasAlpha: false, bitDepth: 8 });
  png.data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const layout = { colorType, inputColorType: colorType, inputHasAlpha: false, bitDepth: 8 } as const;
  return PNG.sync.write(png, { ...layout, filterType: PAETH });
}

/** Bytes of the signature and of the header's chunk, with which every PNG begins. */
const HEADER_END = 33;
const MARK = encodeChunk('tEXt', Buffer.from('Software\0vae', 'latin1'));

/** A chunk with its length and checksum: the PNG specification, third edition, section 5.3. */
export function encodeChunk(type: string, body: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, checksum]);
}

/** The PNG with a word on the program that has drawn it: nobody trains on its own results by accident. */
export const markAsDrawn = (png: Buffer): Buffer =>
  Buffer.concat([png.subarray(0, HEADER_END), MARK, png.subarray(HEADER_END)]);

/** Whether this program has drawn the picture. */
export const isDrawn = (content: Buffer): boolean =>
  content.subarray(HEADER_END, HEADER_END + MARK.length).equals(MARK);
