/** Reads picture files of all formats with the package sharp: turned as the camera was held, in the colours of sRGB. */

import type { Metadata, Sharp, SharpOptions } from 'sharp';
import { InputError } from '../../base/errors.ts';
import { sizeOfAvif } from './avif-structure.ts';
import { type About, checkCost, checkSize, MOST_PIXELS } from './decoding-cost.ts';
import { AVIF, type Format, PNG, TIFF } from './formats.ts';
import { type Picture, toBytes } from './picture.ts';
import { aboutPng, headerOf, inOrder, type PngAbout, type PngHeader } from './png-structure.ts';
import { aboutTiff, FLOAT, type TiffAbout, UNSPECIFIED, whyNot } from './tiff-structure.ts';

type SharpModule = typeof import('sharp')['default'];

let loading: Promise<SharpModule | undefined> | undefined;

/** The package, loaded when it is first asked for; undefined where it cannot be, as without its binary. */
export function loadSharp(): Promise<SharpModule | undefined> {
  loading ??= import('sharp').then(
    ({ default: sharp }) => {
      // Each file is read once, so there is nothing to cache; the pool has a thread for each core.
      sharp.cache(false);
      sharp.concurrency(1);
      // Whatever a file claims to be, no reader of drawings, of other programs' files or of raw pixels opens it.
      sharp.block({ operation: ['VipsForeignLoad'] });
      sharp.unblock({ operation: READERS.map((reader) => `VipsForeignLoad${reader}`) });
      return sharp;
    },
    () => undefined,
  );
  return loading;
}

const READERS = ['Png', 'Jpeg', 'Webp', 'Nsgif', 'Tiff', 'Heif'];

/** What is known of a file before its pixels. */
interface Found {
  readonly content: Buffer;
  /** For messages. */
  readonly name: string;
  readonly format: Format;
  readonly about: About;
  readonly png?: PngAbout;
  readonly tiff?: TiffAbout;
}

/**
 * Decodes a picture of a format that sharp reads.
 * @throws InputError if it is damaged, too large, animated, or its samples are of a kind that would come out wrong.
 */
export async function readWithSharp(
  sharp: SharpModule,
  content: Buffer,
  format: Format,
  name: string,
): Promise<Picture> {
  try {
    const png = format === PNG ? aboutPng(content) : undefined;
    const tiff = format === TIFF ? aboutTiff(content) : undefined;
    if (tiff !== undefined) checkTiff(tiff, name);
    if (format === AVIF) checkSize(sizeOfAvif(content) ?? { width: 1, height: 1 }, name);
    const bytes = format === PNG ? inOrder(content) : content;
    const options = { limitInputPixels: MOST_PIXELS, page: tiff?.page ?? 0 };
    // A header that says too much is refused here, in our words, before sharp's limit.
    const about = png
      ? aboutOf(png, headerOf(bytes, name))
      : await sharp(bytes, { ...options, limitInputPixels: false }).metadata();
    const file: Found = { content: bytes, name, format, about, ...(png && { png }), ...(tiff && { tiff }) };
    checkFrames(file);
    checkCost(file);
    const open = (more: SharpOptions): Sharp => sharp(bytes, { ...options, ...more, autoOrient: true });
    return tiff?.sampleFormat === FLOAT ? await readFloats(file, tiff, open) : await readIntegers(file, open);
  } catch (error) {
    if (error instanceof InputError) throw error;
    // The libraries below add lines of their own, with the places in a file.
    const [reason] = (error as Error).message.split('\n');
    throw new InputError(
      `${name}: it is ${format.name} that cannot be read (${reason}); get a new copy, or convert it to PNG`,
    );
  }
}

/** To ask sharp for it takes as long as to decode a small picture. */
const aboutOf = (
  { hasProfile, orientation }: PngAbout,
  { width, height, bits, samples, interlaced }: PngHeader,
): About => ({
  ...{ width, height, format: 'png', hasProfile, orientation, isProgressive: interlaced },
  // One sample may be a place in a palette of colours with opacity.
  channels: samples === 1 && bits <= 8 ? 4 : (samples as Metadata['channels']),
  depth: bits === 16 ? 'ushort' : 'uchar',
  space: `${samples < 3 ? 'grey' : 'rgb'}${bits}` as Metadata['space'] & string,
});

function checkFrames({ name, about, png, tiff }: Found): void {
  const frames = png?.frames ?? tiff?.pictures ?? about.pages ?? 1;
  if (frames > 1) {
    throw new InputError(`${name}: it is animated or has ${frames} pages; expected a single picture`);
  }
}

/** Before sharp opens it: of impossible sizes its libraries write to the terminal. */
function checkTiff(tiff: TiffAbout, name: string): void {
  checkSize(tiff, name);
  const reason = whyNot(tiff);
  if (reason !== undefined) throw new InputError(`${name}: ${reason}`);
}

/** 8 or 16 bits of any colour space, as 8 bits of red, green, blue and opacity. */
async function readIntegers(
  { format, about, png, tiff }: Found,
  open: (more: SharpOptions) => Sharp,
): Promise<Picture> {
  const isGrey = about.space === 'grey16';
  const isDeep = isGrey || (about.space === 'rgb16' && about.depth === 'ushort');
  // By a profile, sharp converts 8 bits rightly and 16 wrongly.
  const staysDeep = isDeep && !about.hasProfile;
  const make = (failOn: SharpOptions['failOn']): Sharp => {
    let image = open({ failOn });
    if (isDeep && !staysDeep) image = image.pipelineColourspace(isGrey ? 'b-w' : 'srgb');
    if (isOpaque(tiff)) image = image.removeAlpha();
    if (about.width * about.height > SMALL) image = image.ensureAlpha();
    return image.toColourspace(staysDeep ? 'rgb16' : 'srgb').raw({ depth: staysDeep ? 'ushort' : 'uchar' });
  };
  const { data, info } = await decoded(make, format);
  const { width, height, channels } = info;
  if (channels !== 3 && channels !== 4) throw new Error(`it has ${channels} channels`);
  const samples = staysDeep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  return { width, height, rgba: toBytes(channels === 4 ? samples : withOpacity(samples), png?.gamma) };
}

/** For fewer pixels, sharp takes longer to begin with the opacity than the loop here takes for all of it. */
const SMALL = 2 ** 20;

function withOpacity<T extends Uint8Array | Uint16Array>(colours: T): T {
  const count = colours.length / 3;
  const all = (colours instanceof Uint8Array ? new Uint8Array(4 * count) : new Uint16Array(4 * count)).fill(
    65_535,
  ) as T;
  for (let i = 0, from = 0, to = 0; i < count; i++, from += 3, to += 4) {
    all[to] = colours[from];
    all[to + 1] = colours[from + 1];
    all[to + 2] = colours[from + 2];
  }
  return all;
}

/** A sample beyond the colours that is not said to be opacity, such as a mask. */
const isOpaque = (tiff: TiffAbout | undefined): boolean => tiff?.extraSamples?.[0] === UNSPECIFIED;

/** Floats from 0 to 1, of grey or colour, as sRGB's bytes: what they are 255 times of, as most programs write them. */
async function readFloats(
  { name, format }: Found,
  tiff: TiffAbout,
  open: (more: SharpOptions) => Sharp,
): Promise<Picture> {
  const isGrey = tiff.photometric < 2;
  const hasOpacity = tiff.samples === (isGrey ? 2 : 4) && !isOpaque(tiff);
  const read = async (change: (image: Sharp) => Sharp) => {
    const make = (failOn: SharpOptions['failOn']): Sharp =>
      change(open({ failOn, ignoreIcc: true }))
        .toColourspace(isGrey ? 'b-w' : 'scrgb')
        .raw({ depth: 'float' });
    const { data, info } = await decoded(make, format);
    const values = new Float32Array(data.buffer, data.byteOffset, data.length / 4);
    checkRange(values, name);
    return { values, info };
  };
  const { values, info } = await read((image) => (isGrey || !hasOpacity ? image.removeAlpha() : image));
  const { width, height, channels } = info;
  // As grey, libvips gives one channel at a time.
  const opacity = isGrey && hasOpacity ? (await read((image) => image.extractChannel(1))).values : undefined;
  const rgba = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < (isGrey ? 3 : channels); channel++) {
      const value = values[i * channels + (isGrey ? 0 : channel)];
      // 0 is white where the file says so; libvips turns only integers.
      rgba[4 * i + channel] = Math.round(255 * (tiff.photometric === 0 ? 1 - value : value));
    }
    if (opacity !== undefined) rgba[4 * i + 3] = Math.round(255 * opacity[i]);
  }
  return { width, height, rgba };
}

function checkRange(values: Float32Array, name: string): void {
  const [low, high] = rangeOf(values);
  if (low >= 0 && high <= 1) return;
  const found = Number.isNaN(low) ? 'floats, of which some are not numbers' : `floats from ${low} to ${high}`;
  throw new InputError(`${name}: its samples are ${found}; expected 0 to 1: scale them, or save it with 8 or 16 bits`);
}

/** The smallest and the largest; NaN if any is not a number. */
function rangeOf(values: Float32Array): readonly [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (Number.isNaN(value)) return [Number.NaN, Number.NaN];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** What a JPEG's decoder warns of although every pixel is there. */
const HARMLESS = /extraneous bytes|unknown JFIF|Adobe color transform|bad ICC/;
/** How sharp begins where it has no text of a warning: another thread has caused the warning, or has taken its text. */
const ANYONES = 'Warning treated as error';
/** Of all threads together one warns at a time, so an answer of our own comes soon. */
const MOST_TRIES = 50;

/** @throws Error if pixels are lost. */
async function decoded(make: (failOn: SharpOptions['failOn']) => Sharp, format: Format) {
  const read = (failOn: SharpOptions['failOn']) => make(failOn).toBuffer({ resolveWithObject: true });
  if (!format.warns) return read('error');
  for (let tries = 1; ; tries++) {
    try {
      return await read('warning');
    } catch (flaw) {
      const lines = (flaw as Error).message.trim().split('\n');
      if (lines[0].startsWith(ANYONES) && tries < MOST_TRIES) continue;
      if (lines.every((line) => HARMLESS.test(line))) return read('error');
      throw flaw;
    }
  }
}
