import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evenlySpaced, interpolate, largest, normalQuantile } from '../../src/inference/latent-space.ts';

const point = fc.array(fc.float({ min: -5, max: 5, noNaN: true }), { minLength: 3, maxLength: 3 });
const length = (values: Float32Array): number => Math.hypot(...values);

describe('a way between two points', () => {
  for (const method of ['linear', 'spherical'] as const) {
    it(`begins at one and ends at the other, ${method}`, () => {
      fc.assert(
        fc.property(point, point, fc.integer({ min: 2, max: 9 }), (a, b, steps) => {
          const way = interpolate(Float32Array.from(a), Float32Array.from(b), steps, method);
          expect(way).toHaveLength(3 * steps);
          expect(way.every(Number.isFinite)).toBe(true);
          a.forEach((value, i) => {
            expect(way[i]).toBeCloseTo(value, 3);
            expect(way[3 * (steps - 1) + i]).toBeCloseTo(b[i], 3);
          });
        }),
      );
    });
  }

  it('on a line is halfway in the middle', () => {
    expect(interpolate(Float32Array.of(0, 2), Float32Array.of(4, 0), 3, 'linear')).toEqual(
      Float32Array.of(0, 2, 2, 1, 4, 0),
    );
  });

  it('on a sphere keeps the length, and turns evenly', () => {
    const [a, b] = [Float32Array.of(3, 0, 0), Float32Array.of(0, 3, 0)];
    const way = interpolate(a, b, 4, 'spherical');
    [0, 30, 60, 90].forEach((degrees, step) => {
      const at = way.subarray(3 * step, 3 * step + 3);
      expect(length(at)).toBeCloseTo(3, 5);
      expect(at[0]).toBeCloseTo(3 * Math.cos((degrees * Math.PI) / 180), 5);
    });
  });

  it('between opposite points, or from nowhere, is a line', () => {
    const opposite = interpolate(Float32Array.of(1, 0), Float32Array.of(-1, 0), 3, 'spherical');
    expect(opposite).toEqual(Float32Array.of(1, 0, 0, 0, -1, 0));
    const origin = interpolate(Float32Array.of(0, 0), Float32Array.of(2, 0), 3, 'spherical');
    expect(origin).toEqual(Float32Array.of(0, 0, 1, 0, 2, 0));
  });
});

describe('the largest values', () => {
  it('are ranked', () => expect(largest([0.1, 3, 2], 2)).toEqual([1, 2]));
});

describe('a quantile of the standard normal', () => {
  it('is the one in the tables', () => {
    for (const [p, z] of [
      [0.5, 0],
      [0.975, 1.959963984540054],
      [0.841344746068543, 1],
      [0.0005, -3.290526731491895],
      [0.9999, 3.719016485455709],
    ]) {
      expect(normalQuantile(p)).toBeCloseTo(z, 9);
    }
  });
  it('is mirrored', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-4, max: 0.5, noNaN: true }), (p) => {
        expect(normalQuantile(p)).toBeCloseTo(-normalQuantile(1 - p), 7);
      }),
    );
  });
});

describe('an even grid', () => {
  it('has both ends, and exactly 0 in its middle', () => {
    expect(evenlySpaced(-2, 2, 5)).toEqual([-2, -1, 0, 1, 2]);
    for (const range of [0.7, 1.3, 3]) expect(evenlySpaced(-range, range, 7)[3]).toBe(0);
  });
});
