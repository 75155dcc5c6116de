/**
 * Noise in C: which function of a target draws a value, and the key that a call hands over. A kernel draws where it needs
 * the value: nothing is stored, and drawing it again gives it again.
 */

import { hashName, type NoiseDistribution } from '../../random/random.ts';

/** The first four words of a call's block, and of a kernel's argument `call`: seed and step, low half first. */
export const CALL_WORDS = 4;

/** Cost of one draw in additions, roughly: ten rounds of two wide products. */
export const DRAW_COST = 100;

const HALF_WORDS = 2 ** 16;

/** The value at a position of a stream, where `call` is the name of a pointer to the call's block. */
export function drawExpression(
  { stream, distribution, call }: { stream: string; distribution: NoiseDistribution; call: string },
  position: string,
): string {
  const which = `${position}, ${hashName(stream)}u, ${call}`;
  switch (distribution.kind) {
    case 'uniform':
      return `draw_uniform(${which})`;
    case 'standardNormal':
      return `draw_normal(${which})`;
    case 'bernoulli':
      return `draw_bernoulli(${which}, ${Math.round(distribution.probability * HALF_WORDS)}u)`;
  }
}

/** Seed and step as the words that a kernel reads. */
export const callWords = ({ seed, step }: { readonly seed: number; readonly step: number }): readonly number[] => [
  seed >>> 0,
  Math.floor(seed / 2 ** 32),
  step >>> 0,
  Math.floor(step / 2 ** 32),
];
