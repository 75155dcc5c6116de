/**
 * Random numbers that are a function of (seed, stream, step, index) and of nothing else: Philox 4x32-10.
 *
 * Everything random in the product comes from here, so a run can be repeated, stopped and continued bit for bit, and
 * every engine sees the same numbers.
 *
 * Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
 */

import { multiplyHigh } from './philox.ts';
import { fillPhilox } from './philox-simd.ts';

/** Random numbers that a program asks for. Each value is a function of (seed, stream, step, index) alone. */
export type NoiseDistribution =
  | { readonly kind: 'standardNormal' }
  /** Uniform on the open interval (0, 1). */
  | { readonly kind: 'uniform' }
  /** 1 with the given probability, else 0. */
  | { readonly kind: 'bernoulli'; readonly probability: number };

/** Which numbers: `stream` names their purpose, `step` the occasion. */
export interface RandomKey {
  /** A non-negative safe integer. */
  readonly seed: number;
  readonly stream: string;
  /** A non-negative safe integer. */
  readonly step: number;
}

/** FNV-1a: a stable 32-bit number for a stream's name. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** `count` 32-bit numbers, rounded up to whole blocks of four. */
export function randomBits({ seed, stream, step }: RandomKey, count: number): Uint32Array {
  const blocks = Math.ceil(count / 4);
  const out = new Uint32Array(blocks * 4);
  fillPhilox(out, [step >>> 0, hashName(stream), Math.floor(step / 2 ** 32)], [seed >>> 0, Math.floor(seed / 2 ** 32)]);
  return out;
}

/** 23 bits at the centres of 2²³ equal cells: exact in 32-bit floats, so never rounded to 0 or 1. */
export const toUniform = (bits: number): number => ((bits >>> 9) + 0.5) * 2 ** -23;

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
    const j = multiplyHigh(bits[i], i + 1);
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  return order;
}
