/** Tiles of products in C, against float64, in all small and odd sizes. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { build, missing, titled } from './sources.ts';

const OUTSIDE = -1;

/** Values of a fixed sequence in (−1, 1). */
const valuesOf = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed));

const size = fc.integer({ min: 1, max: 70 });

/** Each width of vectors has tiles of its own; a processor can also run the narrower ones. */
const TARGETS: readonly (readonly [string, readonly string[]])[] = [
  ['this processor', []],
  ...(process.arch === 'x64'
    ? ([
        ['any x86-64', ['-march=x86-64']],
        ['AVX', ['-mno-avx512f']],
      ] as const)
    : []),
];

describe.skipIf(missing !== undefined).each(TARGETS)(titled('tiles of products in C for %s'), (_, flags) => {
  const library = missing === undefined ? build(['product.c'], '', flags) : (undefined as never);
  const call = (prototype: string) => (missing === undefined ? library.func(prototype) : (undefined as never));
  const [rowsOf, columnsOf] = [call('int vae_tile_rows()'), call('int vae_tile_columns()')];
  const pack = call('void vae_pack(const float *, long, long, long, long, long, long, _Out_ float *)');
  const tile = call('void vae_tile(int, long, const float *, long, long, const float *, _Inout_ float *, long, int)');
  const gathered = call(
    'void vae_tile_gathered(int, long, long, const float *, const int *, const float *, _Inout_ float *, long, int)',
  );
  /** How far rows lie apart in what a tile is written to. */
  const BEHIND = 5;
  const [ROWS, COLUMNS] = missing === undefined ? [rowsOf() as number, columnsOf() as number] : [1, 1];

  /** A product by tiles of at most `most` rows, whose inner axis is cut in two: the second part is added to the first. */
  function product(a: Float32Array, b: Float32Array, [m, k, n]: number[], [aT, bT]: boolean[], most: number) {
    const panels = Math.ceil(n / COLUMNS);
    const packed = new Float32Array(panels * k * COLUMNS).fill(Number.NaN);
    const [bRow, bColumn] = bT ? [1, k] : [n, 1];
    // In two calls, as threads would.
    const half = panels >> 1;
    pack(b, bRow, bColumn, k, n, half, panels - half, packed.subarray(half * k * COLUMNS));
    if (half > 0) pack(b, bRow, bColumn, k, n, 0, half, packed);
    const [aRow, aInner] = aT ? [1, m] : [k, 1];
    const result = new Float64Array(m * n);
    const cut = k >> 1;
    for (let i = 0; i < m; i += most) {
      const rows = Math.min(most, m - i);
      for (let panel = 0; panel < panels; panel++) {
        const ldo = COLUMNS + BEHIND;
        const out = new Float32Array(rows * ldo).fill(Number.NaN);
        const from = panel * k * COLUMNS;
        tile(rows, cut, a.subarray(i * aRow), aRow, aInner, packed.subarray(from), out, ldo, 0);
        const rest = a.subarray(i * aRow + cut * aInner);
        tile(rows, k - cut, rest, aRow, aInner, packed.subarray(from + cut * COLUMNS), out, ldo, 1);
        for (let row = 0; row < rows; row++) {
          for (let j = 0; j < COLUMNS; j++) {
            if (panel * COLUMNS + j < n) result[(i + row) * n + panel * COLUMNS + j] = out[row * ldo + j];
            else expect(out[row * ldo + j]).toBe(0);
          }
          expect(out.subarray(row * ldo + COLUMNS, (row + 1) * ldo).every(Number.isNaN)).toBe(true);
        }
      }
    }
    return result;
  }

  it('are right in every size, with either factor transposed', () => {
    fc.assert(
      fc.property(
        size,
        size,
        size,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: ROWS }),
        (m, k, n, aT, bT, most) => {
          const [a, b] = [valuesOf(m * k, 1), valuesOf(k * n, 2)];
          const found = product(a, b, [m, k, n], [aT, bT], most);
          for (let i = 0; i < m; i++) {
            for (let j = 0; j < n; j++) {
              let sum = 0;
              for (let p = 0; p < k; p++) sum += a[aT ? p * m + i : i * k + p] * b[bT ? j * k + p : p * n + j];
              if (!(Math.abs(found[i * n + j] - sum) < 1e-5)) expect([i, j, found[i * n + j]]).toEqual([i, j, sum]);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('read rows through a table, and zeros outside', () => {
    for (const [segments, length] of [
      [1, 1],
      [3, 5],
      [9, 32],
      [2, 1500],
    ]) {
      const a = valuesOf(4000, 3);
      const panel = valuesOf(segments * length * COLUMNS, 4);
      for (let rows = 1; rows <= ROWS; rows++) {
        const offsets = Int32Array.from({ length: rows * segments }, (_, i) =>
          i % 4 === 1 ? OUTSIDE : (i * 37) % 2400,
        );
        const out = new Float32Array(rows * COLUMNS).fill(1);
        gathered(rows, segments, length, a, offsets, panel, out, COLUMNS, 1);
        for (let i = 0; i < rows * COLUMNS; i++) {
          const [row, column] = [Math.floor(i / COLUMNS), i % COLUMNS];
          let sum = 1;
          for (let p = 0; p < segments * length; p++) {
            const offset = offsets[row * segments + Math.floor(p / length)];
            if (offset !== OUTSIDE) sum += a[offset + (p % length)] * panel[p * COLUMNS + column];
          }
          expect(Math.abs(out[i] - sum)).toBeLessThan(1e-4);
        }
      }
    }
  });
});
