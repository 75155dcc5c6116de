/**
 * What a TIFF's directories say of its samples, which decoders take for less than they are: TIFF 6.0, sections 2 and 8,
 * and BigTIFF. Nothing is decoded here.
 */

export interface TiffAbout {
  /** Pictures of their own, without smaller copies and masks of them. */
  readonly pictures: number;
  /** Which directory has the first of them. */
  readonly page: number;
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly compression: number;
  readonly sampleFormat: number;
  readonly samples: number;
  readonly photometric: number;
  /** The meaning of each sample beyond the colours; undefined if the file does not say. */
  readonly extraSamples: readonly number[] | undefined;
  /** Bytes of what is decompressed at once: a strip or a tile. */
  readonly blockBytes: number;
  /** Whether it is the negative of a camera, of which the picture here is a preview. */
  readonly isRaw: boolean;
}

type Tags = ReadonlyMap<number, readonly number[]>;

const TAG = {
  subfile: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  samples: 277,
  rowsPerStrip: 278,
  tileWidth: 322,
  tileHeight: 323,
  extraSamples: 338,
  sampleFormat: 339,
  dngVersion: 50706,
} as const;

const WANTED = new Set<number>(Object.values(TAG));
/** BYTE, SHORT and LONG, by the numbers of their types. */
const BYTES: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4 };
/** A scan of a book has hundreds. */
const MOST_DIRECTORIES = 10_000;
/** More values of one of these tags are not looked at. */
const MOST_VALUES = 16;

export const FLOAT = 3;
export const UNSPECIFIED = 0;
/** Bits of the tag 254. */
const REDUCED_OR_MASK = 1 | 4;

/** Undefined if the directories cannot be read: then a decoder says why. */
export function aboutTiff(content: Buffer): TiffAbout | undefined {
  let directories: Tags[];
  try {
    directories = directoriesOf(content);
  } catch {
    return undefined;
  }
  const full = directories.flatMap((tags, page) =>
    ((tags.get(TAG.subfile)?.[0] ?? 0) & REDUCED_OR_MASK) === 0 ? [page] : [],
  );
  const [page = 0] = full;
  const tags = directories[page];
  if (tags === undefined) return undefined;
  const first = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const [bits, samples] = [first(TAG.bits, 1), first(TAG.samples, 1)];
  const [width, height] = [first(TAG.width, 0), first(TAG.height, 0)];
  const across = first(TAG.tileWidth, width);
  const down = first(TAG.tileHeight, Math.min(height, first(TAG.rowsPerStrip, height)));
  return {
    pictures: full.length,
    page,
    width,
    height,
    bits,
    samples,
    compression: first(TAG.compression, 1),
    sampleFormat: first(TAG.sampleFormat, 1),
    photometric: first(TAG.photometric, 1),
    extraSamples: tags.get(TAG.extraSamples),
    blockBytes: (across * down * samples * bits) / 8,
    isRaw: directories.some((each) => each.has(TAG.dngVersion)) || content.toString('latin1', 8, 10) === 'CR',
  };
}

/** @throws RangeError if an offset leads out of the file. */
function directoriesOf(content: Buffer): Tags[] {
  const little = content.toString('latin1', 0, 2) === 'II';
  const read = (at: number, bytes: number): number => {
    if (bytes === 8) {
      const long = little ? content.readBigUInt64LE(at) : content.readBigUInt64BE(at);
      return Number(long);
    }
    return little ? content.readUIntLE(at, bytes) : content.readUIntBE(at, bytes);
  };
  const big = read(2, 2) === 43;
  const [countBytes, offsetBytes] = big ? [8, 8] : [2, 4];
  const entryBytes = 4 + 2 * offsetBytes;
  const directories: Tags[] = [];
  const seen = new Set<number>();
  for (let at = read(big ? 8 : 4, offsetBytes); at !== 0; ) {
    if (seen.has(at) || directories.length > MOST_DIRECTORIES) break;
    seen.add(at);
    const count = read(at, countBytes);
    const tags = new Map<number, readonly number[]>();
    for (let i = 0; i < count; i++) {
      const entry = at + countBytes + i * entryBytes;
      const tag = read(entry, 2);
      const bytes = BYTES[read(entry + 2, 2)];
      if (!WANTED.has(tag) || bytes === undefined) continue;
      const length = read(entry + 4, offsetBytes);
      const values = entry + 4 + offsetBytes;
      const from = length * bytes <= offsetBytes ? values : read(values, offsetBytes);
      tags.set(
        tag,
        Array.from({ length: Math.min(length, MOST_VALUES) }, (_, k) => read(from + k * bytes, bytes)),
      );
    }
    directories.push(tags);
    at = read(at + countBytes + count * entryBytes, offsetBytes);
  }
  return directories;
}

/** Kinds of numbers, by the tag 339. */
const KINDS: Readonly<Record<number, string>> = {
  1: 'integers',
  2: 'signed integers',
  3: 'floats',
  5: 'complex integers',
  6: 'complex floats',
};

/** How many of its samples are colours, by the tag 262; log-encoded and unknown ones are missing. */
const COLOURS: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3 };
const YCBCR = 6;
const LAB = 8;
/** JPEG, old and new, by the tag 259. */
const JPEG: readonly number[] = [6, 7];

/** Why its samples would not become the right picture, or undefined if they do. */
export function whyNot(about: TiffAbout): string | undefined {
  const { bits, compression, sampleFormat, samples, photometric, isRaw } = about;
  if (isRaw) return 'it is a raw photograph; develop it and save it as a PNG or JPEG';
  const colours = COLOURS[photometric];
  if (colours === undefined) return `its colours are of kind ${photometric}, which is not read; convert it to PNG`;
  if (samples > colours + 1) return `it has ${samples} channels; expected grey or colour: save it as a PNG`;
  const expected = 'expected 8 or 16 bits, or floats of 32 bits from 0 to 1: save it as a PNG';
  // Only the decoder of JPEG converts them; libvips takes all others for red, green and blue.
  if (photometric === YCBCR && !JPEG.includes(compression)) {
    return 'its colours are YCbCr, which is read only when compressed as JPEG; convert it to PNG';
  }
  if (photometric === LAB) return bits === 16 ? undefined : `its Lab colours are of ${bits} bits; expected 16`;
  if (sampleFormat === FLOAT) {
    return bits === 32 && photometric <= 2 ? undefined : `its samples are floats of ${bits} bits; ${expected}`;
  }
  const whole = sampleFormat === 1 || sampleFormat === 4;
  if (whole && [1, 2, 4, 8, 16].includes(bits)) return undefined;
  return `its samples are ${KINDS[whole ? 1 : sampleFormat] ?? 'numbers'} of ${bits} bits; ${expected}`;
}
