/** What decoding a picture will take, known from its header: a file of some kilobytes can ask for more than there is. */

import type { Metadata } from 'sharp';
import { InputError } from '../../base/errors.ts';
import { countScans } from './jpeg-structure.ts';
import type { TiffAbout } from './tiff-structure.ts';

/** As many as the best cameras have. */
export const MOST_PIXELS = 1e8;
/** Of memory, for one picture; as many as there are threads may be decoded at a time. */
const MOST_BYTES = 450e6;
/** Decoders hold several whole rows. */
const MOST_ACROSS = 100_000;
/** Pixels times passes: about a second. */
const MOST_PASSED = 1e9;

/** Red, green, blue and opacity, as all pictures come out. */
const OUT_BYTES = 4;

export interface Size {
  readonly width: number;
  readonly height: number;
  /** Bytes for each pixel that the decoder holds besides the pixels that come out. */
  readonly held?: number;
  /** How often the decoder goes over the picture. */
  readonly passes?: number;
}

/** @throws InputError if the picture takes too much memory or time; its message begins with `name`. */
export function checkSize({ width, height, held = 0, passes = 1 }: Size, name: string): void {
  const pixels = width * height;
  const size = `${name}: ${width} × ${height} pixels`;
  if (pixels > MOST_PIXELS) {
    throw new InputError(`${size} are too many (at most 100 million); scale it down first`);
  }
  if (Math.max(width, height) > MOST_ACROSS) {
    throw new InputError(`${size} are too many in a row (at most 100,000); scale it down first`);
  }
  const bytes = pixels * (held + OUT_BYTES);
  if (bytes > MOST_BYTES) {
    const [needed, most] = [bytes, MOST_BYTES].map((count) => Math.ceil(count / 1e6));
    throw new InputError(`${size} of this kind take ${needed} MB to decode (at most ${most}); scale it down first`);
  }
  if (pixels * passes > MOST_PASSED) {
    throw new InputError(
      `${size} in ${passes} passes take too long to decode; save it again as a JPEG that is not progressive`,
    );
  }
}

/** In the words of sharp. */
export type About = Pick<Metadata, 'width' | 'height' | 'channels' | 'depth' | 'format'> &
  Partial<Pick<Metadata, 'space' | 'pages' | 'hasProfile' | 'isProgressive' | 'orientation' | 'chromaSubsampling'>>;

/** Bytes of a sample, by libvips' names. */
const SAMPLE_BYTES: Readonly<Record<string, number>> = { uchar: 1, ushort: 2, float: 4 };

/** Measured: frames of WebP and GIF are decoded as a whole, and AVIF's in planes of 16 bits that are then converted. */
const WHOLE_FRAMES: Readonly<Record<string, number>> = { webp: 5, gif: 5, heif: 14 };

interface Costly {
  readonly content: Buffer;
  /** For messages. */
  readonly name: string;
  readonly about: About;
  readonly tiff?: TiffAbout;
}

/** @throws InputError if sharp would take too much memory or time for the picture. */
export function checkCost({ name, content, about, tiff }: Costly): void {
  const { width, height, channels, depth, format, isProgressive, orientation = 1 } = about;
  const pixel = channels * (SAMPLE_BYTES[depth] ?? 4);
  let held = WHOLE_FRAMES[format] ?? 0;
  // A progressive JPEG is held as coefficients of 16 bits, an interlaced PNG as it is.
  if (isProgressive && format === 'jpeg') held += about.chromaSubsampling?.startsWith('4:2:0') ? 3 : 2 * channels;
  if (isProgressive && format === 'png') held += pixel;
  if (tiff !== undefined) held += Math.min(pixel, tiff.blockBytes / (width * height));
  // To turn a picture takes all of it.
  if (orientation > 1) held += pixel;
  if (depth !== 'uchar') held += 4 * (SAMPLE_BYTES[depth] ?? 4);
  const passes = isProgressive && format === 'jpeg' ? countScans(content) : 1;
  checkSize({ width, height, held, passes }, name);
}
