/** What decoding a picture will take, known from its header: a file of some kilobytes can ask for more than there is. */

import { InputError } from '../../base/errors.ts';

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
