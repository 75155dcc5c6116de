/** The elementary functions in C, against those of float64 over all floats. */

import { describe, expect, it } from 'vitest';
import { build, missing, titled } from './sources.ts';

const sinpiOf = (x: number): number => {
  const q = Math.round(2 * x);
  const r = Math.PI * (x - q / 2);
  return [Math.sin(r), Math.cos(r), -Math.sin(r), -Math.cos(r)][((q % 4) + 4) % 4];
};

/** What each computes, and where it bends; `most` bounds |x| where a function is not for all. */
const FUNCTIONS: Record<string, { of: (x: number) => number; from: number; to: number; most?: number }> = {
  exp: { of: Math.exp, from: -105, to: 90 },
  log: { of: Math.log, from: 0, to: 3 },
  log1p: { of: Math.log1p, from: -1, to: 2 },
  expm1: { of: Math.expm1, from: -2, to: 2 },
  tanh: { of: Math.tanh, from: -10, to: 10 },
  sigmoid: { of: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))), from: -20, to: 20 },
  softplus: { of: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), from: -20, to: 20 },
  elu: { of: (x) => (x > 0 ? x : Math.expm1(x)), from: -5, to: 5 },
  sqrt: { of: Math.sqrt, from: 0, to: 5 },
  sinpi: { of: sinpiOf, from: -4, to: 4, most: 2 ** 20 },
  cospi: { of: (x) => sinpiOf(x + 0.5), from: -4, to: 4, most: 2 ** 20 },
};

const SMALLEST = 2 ** -126;
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** In units of the last place of the float32 nearest to what is expected, where a denormal may be 0. */
function errorOf(found: number, expected: number): number {
  const rounded = Math.fround(expected);
  if (Object.is(found, rounded)) return 0;
  if (Math.abs(expected) < SMALLEST) return Math.abs(found) <= SMALLEST ? 0 : Infinity;
  if (!Number.isFinite(rounded) || !Number.isFinite(found)) return Infinity;
  return Math.abs(found - expected) / 2 ** (Math.floor(Math.log2(Math.abs(expected))) - 23);
}

/** Every bit pattern may come, denormals apart, and as many values again from where the function bends. */
function points(from: number, to: number, most: number): Float32Array {
  const count = 200_000;
  const bits = Uint32Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b1));
  const inner = Float32Array.from({ length: count }, (_, i) => from + ((to - from) * (i + 0.5)) / count);
  const edges = [0, -0, 1, -1, Infinity, -Infinity, Number.NaN, LARGEST, -LARGEST, SMALLEST, -SMALLEST];
  return Float32Array.from([...new Float32Array(bits.buffer), ...inner, ...edges]).map((x) =>
    (Math.abs(x) < SMALLEST && x !== 0) || !(most === Infinity || Math.abs(x) <= most) ? 1 : x,
  );
}

describe.skipIf(missing !== undefined)(titled('elementary functions in C'), () => {
  const loops = Object.keys(FUNCTIONS).map(
    (name) => `VAE_EXPORT void loop_${name}(const float *restrict x, float *restrict y, int count) {
      for (int i = 0; i < count; i++) y[i] = vae_${name}(x[i]);
    }`,
  );
  const library =
    missing === undefined ? build([], ['#include "functions.h"', ...loops].join('\n')) : (undefined as never);

  it.each(Object.entries(FUNCTIONS))('%s is right to 2 ulp', (name, { of, from, to, most = Infinity }) => {
    const x = points(from, to, most);
    const y = new Float32Array(x.length);
    library.func(`void loop_${name}(const float *, _Out_ float *, int)`)(x, y, x.length);
    let worst = { ulps: 0, x: 0, found: 0 };
    for (let i = 0; i < x.length; i++) {
      const ulps = errorOf(y[i], of(x[i]));
      if (ulps > worst.ulps) worst = { ulps, x: x[i], found: y[i] };
    }
    expect(worst.ulps, `${name}(${worst.x}) = ${worst.found}`).toBeLessThan(2);
  });

  it('keep the sign of 0 where it is theirs', () => {
    for (const name of ['expm1', 'tanh', 'log1p', 'elu']) {
      const y = new Float32Array(1);
      library.func(`void loop_${name}(const float *, _Out_ float *, int)`)(Float32Array.of(-0), y, 1);
      expect(y[0], name).toBe(-0);
    }
  });
});
