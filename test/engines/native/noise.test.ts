/** Noise in C: the numbers of src/random, in whatever pieces they are made. */

import { describe, expect, it } from 'vitest';
import { fillNoise, hashName, type NoiseDistribution } from '../../../src/random/random.ts';
import { build, missing, titled } from './sources.ts';

const KEY = { seed: 2 ** 40 + 7, stream: 'latents', step: 2 ** 33 + 5 };
const WORDS = [
  KEY.step >>> 0,
  hashName(KEY.stream),
  Math.floor(KEY.step / 2 ** 32),
  KEY.seed >>> 0,
  KEY.seed / 2 ** 32,
];

/** How many values a block makes, and what the C function takes beside it. */
const KINDS: readonly [NoiseDistribution, number, string, readonly number[]][] = [
  [{ kind: 'uniform' }, 4, 'vae_fill_uniform', []],
  [{ kind: 'standardNormal' }, 4, 'vae_fill_normal', []],
  [{ kind: 'bernoulli', probability: 0.3 }, 8, 'vae_fill_bernoulli', [Math.round(0.3 * 2 ** 16)]],
];

describe.skipIf(missing !== undefined)(titled('noise in C'), () => {
  const library = missing === undefined ? build(['noise.c'], '') : (undefined as never);
  const fill = (name: string, out: Float32Array, first: number, blocks: number, more: readonly number[]) => {
    const parameters = `_Inout_ float *, long, long, long, const uint32_t *${', uint32_t'.repeat(more.length)}`;
    library.func(`void ${name}(${parameters})`)(out, out.length, first, blocks, Uint32Array.from(WORDS), ...more);
  };

  it.each(KINDS)('has the bits of src/random: %o', (distribution, perBlock, name, more) => {
    for (const count of [1, 3, 9, 256, 257, 1023, 5000]) {
      const expected = new Float32Array(count);
      fillNoise(expected, distribution, KEY);
      const whole = new Float32Array(count);
      const blocks = Math.ceil(count / perBlock);
      fill(name, whole, 0, blocks, more);
      if (distribution.kind === 'standardNormal') {
        // Both are rounded to float32 at the end, C also on the way.
        whole.forEach((value, i) => {
          expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(
            2 * 2 ** (Math.floor(Math.log2(Math.abs(expected[i]))) - 23),
          );
        });
      } else {
        expect(whole).toEqual(expected);
      }
      const pieces = new Float32Array(count);
      const cut = Math.floor(blocks / 3);
      fill(name, pieces, cut, blocks - cut, more);
      fill(name, pieces, 0, cut, more);
      expect(pieces).toEqual(whole);
    }
  });
});
