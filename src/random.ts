/**
 * Random numbers that are a function of (seed, stream, step, index) and of nothing else: Philox 4x32-10.
 *
 * Everything random in the product comes from here, so a run can be repeated, stopped and continued bit for bit, and
 * every engine sees the same numbers.
 *
 * Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
 */

import type { NoiseDistribution } from './tensor/primitives.ts';

/** Which numbers: `stream` names their purpose, `step` the occasion. */
export interface RandomKey {
  /** A non-negative safe integer. */
  readonly seed: number;
  readonly stream: string;
  /** A non-negative safe integer. */
  readonly step: number;
}

const ROUNDS = 10;
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
/** The two multipliers, in halves of 16 bits. */
const [HIGH_0, LOW_0, HIGH_1, LOW_1] = [0xd251, 0x1f53, 0xcd9e, 0x8d57];
const MULTIPLIER_0 = (HIGH_0 << 16) | LOW_0;
const MULTIPLIER_1 = (HIGH_1 << 16) | LOW_1;

/**
 * The upper 32 bits of (high·2¹⁶ + low) × x, all unsigned. Every sum below stays under 2³², because
 * (2¹⁶ − 1)² + 2¹⁶ − 1 < 2³², so 32-bit integer arithmetic is enough.
 */
function multiplyHigh(high: number, low: number, x: number): number {
  const xHigh = x >>> 16;
  const xLow = x & 0xffff;
  const middle = (Math.imul(high, xLow) + (Math.imul(low, xLow) >>> 16)) | 0;
  const cross = (Math.imul(low, xHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(high, xHigh) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/**
 * Fills `out`, whose length is a multiple of four, with blocks of four 32-bit numbers: block i from the counter
 * (i, counter[0], counter[1], counter[2]).
 */
export function philox(
  out: Uint32Array,
  counter: readonly [number, number, number],
  key: readonly [number, number],
): void {
  const keys = Int32Array.from({ length: 2 * ROUNDS }, (_, i) => key[i % 2] + Math.imul(i >> 1, WEYL[i % 2]));
  for (let at = 0; at < out.length; at += 4) {
    let c0 = at >>> 2;
    let c1 = counter[0] | 0;
    let c2 = counter[1] | 0;
    let c3 = counter[2] | 0;
    for (let round = 0; round < 2 * ROUNDS; round += 2) {
      const high0 = multiplyHigh(HIGH_0, LOW_0, c0);
      const low0 = Math.imul(MULTIPLIER_0, c0);
      const high1 = multiplyHigh(HIGH_1, LOW_1, c2);
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

/** FNV-1a: a stable 32-bit number for a stream's name. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** `count` 32-bit numbers, rounded up to whole blocks of four. */
export function randomBits({ seed, stream, step }: RandomKey, count: number): Uint32Array {
  const blocks = Math.ceil(count / 4);
  const out = new Uint32Array(blocks * 4);
  philox(out, [step >>> 0, hashName(stream), Math.floor(step / 2 ** 32)], [seed >>> 0, Math.floor(seed / 2 ** 32)]);
  return out;
}

/** 24 bits at the centres of 2²⁴ equal cells: exact in 32-bit floats, never 0, never 1. */
const toUniform = (bits: number): number => ((bits >>> 8) + 0.5) * 2 ** -24;

const HALF_WORDS = 2 ** 16;

/** Fills `out` with noise, in 32-bit precision. */
export function fillNoise(out: Float32Array, distribution: NoiseDistribution, key: RandomKey): void {
  switch (distribution.kind) {
    case 'uniform': {
      const bits = randomBits(key, out.length);
      for (let i = 0; i < out.length; i++) out[i] = toUniform(bits[i]);
      return;
    }
    case 'standardNormal': {
      // Box and Muller: √(−2 log u) (cos 2πv, sin 2πv) are two independent standard normals.
      const bits = randomBits(key, out.length + 1);
      for (let i = 0; i < out.length; i += 2) {
        const radius = Math.sqrt(-2 * Math.log(toUniform(bits[i])));
        const angle = 2 * Math.PI * toUniform(bits[i + 1]);
        out[i] = radius * Math.cos(angle);
        if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
      }
      return;
    }
    case 'bernoulli': {
      // 16 bits a decision: the probability is rounded to the nearest multiple of 2⁻¹⁶.
      const threshold = Math.round(distribution.probability * HALF_WORDS);
      const bits = randomBits(key, Math.ceil(out.length / 2));
      for (let i = 0; i < out.length; i++) {
        const word = i % 2 === 0 ? bits[i >> 1] & 0xffff : bits[i >> 1] >>> 16;
        out[i] = word < threshold ? 1 : 0;
      }
      return;
    }
  }
}

/** A permutation of 0 to count − 1, every one equally likely up to 2⁻³² (Fisher and Yates). */
export function permutation(count: number, key: RandomKey): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const bits = randomBits(key, count);
  for (let i = count - 1; i > 0; i--) {
    const j = multiplyHigh(bits[i] >>> 16, bits[i] & 0xffff, i + 1) >>> 0;
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  return order;
}
