/**
 * The counter-based generator Philox 4x32-10, as its definition.
 *
 * Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
 */

export const ROUNDS = 10;
export const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
/** The two multipliers, in halves of 16 bits. */
const [HIGH_0, LOW_0, HIGH_1, LOW_1] = [0xd251, 0x1f53, 0xcd9e, 0x8d57];
export const MULTIPLIER_0 = (HIGH_0 << 16) | LOW_0;
export const MULTIPLIER_1 = (HIGH_1 << 16) | LOW_1;

/**
 * The upper 32 bits of (high·2¹⁶ + low) × x, all unsigned. Every sum below stays under 2³², because
 * (2¹⁶ − 1)² + 2¹⁶ − 1 < 2³², so 32-bit integer arithmetic is enough.
 */
function multiplyHighHalves(high: number, low: number, x: number): number {
  const xHigh = x >>> 16;
  const xLow = x & 0xffff;
  const middle = (Math.imul(high, xLow) + (Math.imul(low, xLow) >>> 16)) | 0;
  const cross = (Math.imul(low, xHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(high, xHigh) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/** What is the same for all blocks of a call: counter words 1 to 3. */
export type Counter = readonly [number, number, number];
export type Key = readonly [number, number];

/**
 * Fills `out`, whose length is a multiple of four, with blocks of four 32-bit numbers: block i from the counter
 * (i, counter[0], counter[1], counter[2]).
 */
export function philox(out: Uint32Array, counter: Counter, key: Key): void {
  const keys = Int32Array.from({ length: 2 * ROUNDS }, (_, i) => key[i % 2] + Math.imul(i >> 1, WEYL[i % 2]));
  for (let at = 0; at < out.length; at += 4) {
    let c0 = at >>> 2;
    let c1 = counter[0] | 0;
    let c2 = counter[1] | 0;
    let c3 = counter[2] | 0;
    for (let round = 0; round < 2 * ROUNDS; round += 2) {
      const high0 = multiplyHighHalves(HIGH_0, LOW_0, c0);
      const low0 = Math.imul(MULTIPLIER_0, c0);
      const high1 = multiplyHighHalves(HIGH_1, LOW_1, c2);
      const low1 = Math.imul(MULTIPLIER_1, c2);
      c0 = high1 ^ c1 ^ keys[round];
      c1 = low1;
      c2 = high0 ^ c3 ^ keys[round + 1];
      c3 = low0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
  }
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
export const multiplyHigh = (a: number, b: number): number => multiplyHighHalves(a >>> 16, a & 0xffff, b) >>> 0;
