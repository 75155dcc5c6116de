/**
 * Changes the size of pictures: by averaging over areas if they become smaller, by interpolation if they become larger.
 * Not by sharp: of its kernels those that are as sharp overshoot at edges and change the mean (Lanczos 3 by 15 % where
 * strokes are thin), and the bits of all depend on the processor.
 */

/** A picture as numbers, one row at a time, so that a large one is never in memory as a whole. */
export interface Rows {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Fills `out`, [width, channels], with row `y`. */
  read(y: number, out: Float32Array): void;
}

/** A rectangle of a picture, in its pixels; its edges may fall between them. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The old pixels that a new one averages: `weights` from `first` on, which sum to 1. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * A rectangle of a picture at a new size: [height, width, channels]. Averaging over the area that a new pixel covers
 * neither skips thin strokes nor invents detail. At its own size a picture stays exactly what it is.
 */
export function resize(picture: Rows, from: Rectangle, width: number, height: number): Float32Array {
  const across = tapsOf(from.left, from.width, width, picture.width);
  const down = tapsOf(from.top, from.height, height, picture.height);
  const rowSize = width * picture.channels;
  const top = down[0].first;
  const last = down[height - 1];
  const bottom = last.first + last.weights.length;
  const narrowed = new Float32Array((bottom - top) * rowSize);
  const row = new Float32Array(picture.width * picture.channels);
  for (let y = top; y < bottom; y++) {
    picture.read(y, row);
    narrow(row, across, picture.channels, narrowed.subarray((y - top) * rowSize, (y - top + 1) * rowSize));
  }
  const out = new Float32Array(height * rowSize);
  down.forEach(({ first, weights }, y) => {
    weights.forEach((weight, k) => {
      const start = (first - top + k) * rowSize;
      for (let i = 0; i < rowSize; i++) out[y * rowSize + i] += weight * narrowed[start + i];
    });
  });
  return out;
}

function narrow(row: Float32Array, taps: readonly Taps[], channels: number, out: Float32Array): void {
  for (let x = 0, to = 0; x < taps.length; x++) {
    const { first, weights } = taps[x];
    for (let channel = 0; channel < channels; channel++, to++) {
      let sum = 0;
      for (let k = 0, at = first * channels + channel; k < weights.length; k++, at += channels) {
        sum += weights[k] * row[at];
      }
      out[to] = sum;
    }
  }
}

/** For each of `count` new pixels over `length` old ones from `start` on, of `limit` in all. */
function tapsOf(start: number, length: number, count: number, limit: number): Taps[] {
  const ratio = length / count;
  const taps = ratio >= 1 ? areaTaps : linearTaps;
  return Array.from({ length: count }, (_, i) => taps(start + i * ratio, ratio, limit));
}

function areaTaps(start: number, ratio: number, limit: number): Taps {
  const first = Math.min(Math.floor(start), limit - 1);
  const end = Math.min(start + ratio, limit);
  const shares = Array.from(
    { length: Math.max(1, Math.ceil(end) - first) },
    (_, k) => Math.min(end, first + k + 1) - Math.max(start, first + k),
  );
  const sum = shares.reduce((total, share) => total + share, 0);
  return { first, weights: shares.map((share) => share / sum) };
}

function linearTaps(start: number, ratio: number, limit: number): Taps {
  // Pixels have their values at their centres.
  const centre = Math.min(Math.max(start + ratio / 2 - 0.5, 0), limit - 1);
  const first = Math.floor(centre);
  const share = centre - first;
  return { first, weights: share === 0 ? [1] : [1 - share, share] };
}
