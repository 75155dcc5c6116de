/**
 * A PNG's chunks, for what decoders do not tell of it: frames, gamma, and whether its pixels are whole. The PNG
 * specification, third edition, sections 5, 7 and 11.
 */

import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { InputError } from '../../base/errors.ts';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
/** Length, type and checksum of a chunk. */
const FRAME_BYTES = 12;
const HEADER_BYTES = 13;

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

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Of a sample; of a place in the palette, if there is one. */
  readonly bits: number;
  readonly samples: number;
  readonly interlaced: boolean;
}

interface Chunk {
  readonly type: string;
  readonly body: Buffer;
  /** With its length, type and checksum. */
  readonly whole: Buffer;
}

export const isPng = (content: Buffer): boolean => content.subarray(0, 8).equals(SIGNATURE);

/** The chunks up to the end of the picture or of what there is of the file; the last may be cut short. */
function* chunksOf(content: Buffer): Generator<Chunk, void, undefined> {
  for (let at = SIGNATURE.length; at + FRAME_BYTES <= content.length; ) {
    const end = at + FRAME_BYTES + content.readUInt32BE(at);
    const type = content.toString('latin1', at + 4, at + 8);
    yield { type, body: content.subarray(at + 8, end - 4), whole: content.subarray(at, end) };
    if (type === 'IEND') return;
    at = end;
  }
}

export interface PngAbout {
  /** More than one if it is animated. */
  readonly frames: number;
  /** The exponent that the samples were made with, where neither a profile nor the name of a colour space says more. */
  readonly gamma?: number;
  readonly hasProfile: boolean;
  /** 1 is upright; Exif 2.32, 4.6.4. */
  readonly orientation: number;
}

/** What a PNG says of itself before its pixels. Nothing is checked: a decoder does that. */
export function aboutPng(content: Buffer): PngAbout {
  let [frames, orientation] = [1, 1];
  let gamma: number | undefined;
  let [hasProfile, hasSpace] = [false, false];
  let before = true;
  for (const { type, body } of chunksOf(content)) {
    // The orientation may stand behind the pixels.
    if (type === 'eXIf') orientation = orientationIn(body);
    before &&= type !== 'IDAT';
    if (!before) continue;
    if (type === 'acTL' && body.length >= 4) frames = body.readUInt32BE(0);
    if (type === 'gAMA' && body.length === 4) gamma = body.readUInt32BE(0) / 100_000;
    hasProfile ||= type === 'iCCP';
    hasSpace ||= type === 'iCCP' || type === 'sRGB' || type === 'cICP';
  }
  return { frames, orientation, hasProfile, ...(gamma !== undefined && gamma > 0 && !hasSpace && { gamma }) };
}

/** The orientation in a block of Exif, which is a small TIFF; 1 if it names none. */
function orientationIn(exif: Buffer): number {
  const little = exif.toString('latin1', 0, 2) === 'II';
  const [short, long] = little
    ? [(at: number) => exif.readUInt16LE(at), (at: number) => exif.readUInt32LE(at)]
    : [(at: number) => exif.readUInt16BE(at), (at: number) => exif.readUInt32BE(at)];
  try {
    const start = long(4);
    for (let i = 0; i < short(start); i++) {
      const entry = start + 2 + 12 * i;
      if (short(entry) === 0x112) return short(entry + 8);
    }
  } catch {
    // It is cut short, so it says nothing.
  }
  return 1;
}

/** Texts may be compressed a thousandfold, and nothing of a picture is in them. */
const TEXTS: readonly string[] = ['zTXt', 'iTXt'];

/** The PNG without its compressed texts, and with its Exif, which decoders look for before the pixels alone, before them. */
export function inOrder(content: Buffer): Buffer {
  const chunks = [...chunksOf(content)];
  const place = (wanted: string): number => chunks.findIndex(({ type }) => type === wanted);
  const isLate = place('eXIf') > place('IDAT');
  if (!isLate && !chunks.some(({ type }) => TEXTS.includes(type))) return content;
  const [header, ...others] = chunks.filter(({ type }) => !TEXTS.includes(type) && type !== 'eXIf');
  const exif = chunks.filter(({ type }) => type === 'eXIf').slice(0, 1);
  return Buffer.concat([SIGNATURE, ...[header, ...exif, ...others].map(({ whole }) => whole)]);
}

/** @throws InputError if there is no header that a picture can be made from. */
export function headerOf(content: Buffer, name: string): PngHeader {
  const [first] = chunksOf(content);
  if (first?.type !== 'IHDR' || first.body.length !== HEADER_BYTES) throw damaged(name, 'it has no header');
  const { body } = first;
  const [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
  const [bits, samples] = [body[8], SAMPLES[body[9]] ?? 0];
  if (width === 0 || height === 0) throw damaged(name, 'it has no pixels');
  if (bits * samples === 0) throw damaged(name, 'its kind of colour does not exist');
  return { width, height, bits, samples, interlaced: body[12] !== 0 };
}

/**
 * A PNG as pngjs, which fills what is missing with black and stumbles over what is too much, reads it rightly: checked
 * from its signature to its last pixel, and without what is behind that.
 * @throws InputError if anything of the picture is missing or damaged.
 */
export function plainPng(content: Buffer, name: string): Buffer {
  const header = headerOf(content, name);
  const kept: Buffer[] = [SIGNATURE];
  const compressed: Buffer[] = [];
  let ended = false;
  for (const { type, body, whole } of chunksOf(content)) {
    if (whole.length < FRAME_BYTES || whole.length !== FRAME_BYTES + whole.readUInt32BE(0))
      throw damaged(name, 'cut short');
    if (crc32(whole.subarray(4, -4)) !== whole.readUInt32BE(whole.length - 4)) {
      throw damaged(name, `the checksum of ${/^[A-Za-z]{4}$/.test(type) ? type : 'a chunk'} is wrong`);
    }
    if (type === 'IHDR' && kept.length > 1) throw damaged(name, 'it has two headers');
    if (type === 'IDAT') compressed.push(body);
    else if (/^[A-Z]/.test(type) || type === 'tRNS') kept.push(whole);
    ended = type === 'IEND';
  }
  if (!ended) throw damaged(name, 'cut short');
  const pixels = deflateSync(inflated(Buffer.concat(compressed), bytesOf(header), name), { level: 0 });
  return Buffer.concat([...kept.slice(0, -1), chunk('IDAT', pixels), kept.at(-1)!]);
}

/** Exactly the bytes that the header asks for; more of them are left out, as all readers do. */
function inflated(compressed: Buffer, expected: number, name: string): Buffer {
  let pixels: Buffer;
  try {
    // One row of more bytes may follow; a bomb may not.
    pixels = inflateSync(compressed, { maxOutputLength: 2 * expected + 65_536 });
  } catch (error) {
    const more = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw damaged(name, more ? 'it has more pixels than its header says' : 'its pixels cannot be decompressed');
  }
  if (pixels.length < expected) throw damaged(name, 'pixels are missing');
  return pixels.subarray(0, expected);
}

/** Every row of every pass begins with a byte that names its filter. */
function bytesOf({ width, height, bits, samples, interlaced }: PngHeader): number {
  const bytes = (columns: number, rows: number): number =>
    columns === 0 ? 0 : rows * (1 + Math.ceil((columns * samples * bits) / 8));
  if (!interlaced) return bytes(width, height);
  return PASSES.reduce((sum, [left, top, across, down]) => {
    const [columns, rows] = [Math.ceil((width - left) / across), Math.ceil((height - top) / down)];
    return sum + bytes(Math.max(0, columns), Math.max(0, rows));
  }, 0);
}

function chunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type), body]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, checksum]);
}

const damaged = (name: string, what: string): InputError =>
  new InputError(`${name}: damaged PNG (${what}); it cannot be read`);
