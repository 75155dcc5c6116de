import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chart, drawChart } from '../../src/report/chart.ts';
import { paler, seriesColour } from '../../src/report/colours.ts';
import { lineOf, smoothed, thinned } from '../../src/report/lines.ts';
import { formatTicks, linearTicks, logarithmicTicks } from '../../src/report/ticks.ts';
import { countPixels, decoded, findText, pixel } from './reading.ts';

describe('ticks', () => {
  it('are round values within the axis', () => {
    expect(linearTicks(0, 10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(linearTicks(-131.2, -104.9, 6)).toEqual([-130, -125, -120, -115, -110, -105]);
    expect(linearTicks(0.00012, 0.001, 5)).toEqual([0.0002, 0.0004, 0.0006, 0.0008, 0.001]);
  });

  it('are two at least, and one more than asked for at most, whatever the axis', () => {
    const value = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(value, fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (low, length) => {
        fc.pre(low + length > low + length / 2 && length > Math.abs(low) * 1e-6);
        const ticks = linearTicks(low, low + length, 6);
        expect(ticks.length).toBeLessThanOrEqual(7);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        for (const tick of ticks) {
          expect(tick).toBeGreaterThanOrEqual(low - 1e-6 * length - 1e-11 * Math.abs(low));
          expect(tick).toBeLessThanOrEqual(low + length + 1e-6 * length + 1e-11 * Math.abs(low));
        }
        expect(new Set(formatTicks(ticks)).size).toBe(ticks.length);
      }),
    );
  });

  it('of a logarithmic axis are powers of ten, with their multiples where these are few', () => {
    expect(logarithmicTicks(1e-6, 1e-3, 6)).toEqual([1e-6, 1e-5, 1e-4, 1e-3]);
    expect(logarithmicTicks(0.4, 12, 6)).toEqual([0.5, 1, 2, 5, 10]);
    expect(logarithmicTicks(2.1, 2.9, 4)).toEqual([2.2, 2.4, 2.6, 2.8]);
    expect(logarithmicTicks(1e-30, 1, 6).length).toBeLessThan(12);
  });

  it('are written alike, and short', () => {
    expect(formatTicks([0, 50, 100])).toEqual(['0', '50', '100']);
    expect(formatTicks([0.1, 0.2, 0.30000000000000004])).toEqual(['0.1', '0.2', '0.3']);
    expect(formatTicks([0, 5e-4, 1e-3, 1.5e-3])).toEqual(['0', '5e-4', '1e-3', '1.5e-3']);
    expect(formatTicks([1e6, 2e6])).toEqual(['1e6', '2e6']);
    expect(formatTicks([1e-6, 1, 1e3])).toEqual(['1e-6', '1e0', '1e3']);
  });
});

const chart = (more: Partial<Chart>): Chart => ({
  title: 'Training loss',
  xLabel: 'update',
  yLabel: 'nats per image',
  series: [{ name: 'loss', y: [3, 2, 1] }],
  ...more,
});
const draw = (more: Partial<Chart>) => decoded(drawChart(chart(more)));
const [FIRST, SECOND] = [seriesColour(0), seriesColour(1)];

describe('a chart', () => {
  it('shows its title, what its axes are, and round values beside them', () => {
    const picture = draw({});
    for (const text of ['Training loss', 'update', 'nats per image', '1', '1.5', '2', '2.5', '3']) {
      expect(findText(picture, text), text).toBeDefined();
    }
    // Nothing is between the first update and the second.
    expect(findText(draw({ series: [{ name: 'loss', y: [7, 8, 9] }] }), '1.5')).toBeUndefined();
  });

  it('has a legend in the colours of its lines', () => {
    const picture = draw({
      series: [
        { name: 'train', y: [3, 2, 1] },
        { name: 'test', y: [4, 3, 2] },
      ],
    });
    for (const [name, colour] of [
      ['train', FIRST],
      ['test', SECOND],
    ] as const) {
      const { x, y } = findText(picture, name)!;
      expect(pixel(picture, x - 20, y + 7)).toEqual(colour);
      expect(countPixels(picture, colour)).toBeGreaterThan(800);
    }
  });

  it('has no legend for one series', () => expect(findText(draw({}), 'loss', 2)?.y).toBeLessThan(30));

  it('goes from the first value to the last', () => {
    const picture = draw({ series: [{ name: 'line', y: Array.from({ length: 100 }, (_, i) => i) }] });
    const columns = coloured(picture);
    expect(columns).toHaveLength(880);
    // Upwards all the way.
    columns.slice(1).forEach(({ top }, i) => {
      expect(top).toBeLessThanOrEqual(columns[i].top);
    });
  });

  it('leaves a gap where values are missing, and a dot where one stands alone', () => {
    const y = Array.from({ length: 100 }, (_, i) => (i > 30 && i < 70 && i !== 50 ? Number.NaN : 5));
    const columns = coloured(draw({ series: [{ name: 'line', y }] }));
    const gaps = columns.slice(1).filter(({ x }, i) => x > columns[i].x + 1);
    expect(gaps).toHaveLength(2);
    expect(columns.length).toBeGreaterThan(500);
    expect(columns.length).toBeLessThan(600);
  });

  it('on a logarithmic scale draws a power law’s decades equally high, and no value of 0', () => {
    const y = [0, 1, 10, 100, 1000];
    const picture = draw({ logarithmic: true, series: [{ name: 'line', y }] });
    const rows = ['1', '10', '100', '1000'].map((text) => findText(picture, text)!.y);
    const steps = rows.slice(1).map((row, i) => rows[i] - row);
    expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(1);
  });

  it('keeps the axis for the values after a wild beginning, and says so', () => {
    const calm = Array.from({ length: 60 }, (_, i) => 100 + (i % 10));
    const note = 'The first values are beyond the axis.';
    const wild = draw({ series: [{ name: 'loss', y: [9000, ...calm] }] });
    expect(findText(wild, note)).toBeDefined();
    expect(findText(wild, '104')).toBeDefined();
    expect(findText(wild, '8000')).toBeUndefined();
    expect(findText(draw({ series: [{ name: 'loss', y: calm }] }), note)).toBeUndefined();
    // What goes wild later is shown.
    expect(findText(draw({ series: [{ name: 'loss', y: [...calm, 9000] }] }), '8000')).toBeDefined();
  });

  it('shows noise pale and its mean in full colour', () => {
    const y = Array.from({ length: 2000 }, (_, i) => 50 + 10 * Math.sin(i * i));
    const picture = draw({ smooth: true, series: [{ name: 'loss', y }] });
    expect(countPixels(picture, paler(FIRST))).toBeGreaterThan(50_000);
    expect(countPixels(picture, FIRST)).toBeGreaterThan(800);
    expect(countPixels(picture, FIRST)).toBeLessThan(20_000);
    expect(findText(picture, 'Pale: all values; line: mean of 41.')).toBeDefined();
  });

  it('is drawn of nothing, of one value, of equal values, and of huge ones', () => {
    expect(findText(draw({ series: [] }), 'No values yet.')).toBeDefined();
    expect(findText(draw({ series: [{ name: 'none', y: [Number.NaN] }] }), 'No values yet.')).toBeDefined();
    expect(coloured(draw({ series: [{ name: 'one', y: [-130] }] })).length).toBeGreaterThan(4);
    expect(coloured(draw({ series: [{ name: 'equal', y: [1e-3, 1e-3, 1e-3] }] })).length).toBeGreaterThan(800);
    expect(coloured(draw({ series: [{ name: 'huge', y: [1e30, -1e30, 1e-30] }] })).length).toBeGreaterThan(800);
  });

  it('breaks a long title, and is wide enough for the names of its series', () => {
    const long = 'a series with quite a long name';
    const title = Array.from({ length: 40 }, (_, i) => `word${i}`).join(' ');
    const picture = draw({ title, series: ['a', long].map((name) => ({ name, y: [1, 2] })) });
    expect(findText(picture, 'word39')).toBeDefined();
    expect(findText(picture, long)).toBeDefined();
  });
});

/** The columns of pixels with the first series' colour, and where it begins in each. */
function coloured(picture: ReturnType<typeof draw>): { x: number; top: number }[] {
  return Array.from({ length: picture.width }, (_, x) => {
    const rows = Array.from({ length: picture.height }, (_, y) => y);
    return { x, top: rows.find((y) => pixel(picture, x, y).every((part, i) => part === FIRST[i])) ?? -1 };
  }).filter(({ top }) => top >= 0);
}

describe('a thinned line', () => {
  it('keeps the ends and the extremes of each column of pixels, in their order, and every gap', () => {
    const values = fc.array(fc.option(fc.double({ min: -9, max: 9, noNaN: true }), { nil: Number.NaN }));
    fc.assert(
      fc.property(values, (y) => {
        const line = lineOf({ name: '', y }, false);
        const toPixel = (x: number): number => x / 7;
        const kept = thinned(line, toPixel);
        expect(line.filter((point) => point === undefined || kept.includes(point))).toEqual(kept);
        const extremes = (points: typeof line, column: number) => {
          const values = points.flatMap((point) => (point && Math.round(toPixel(point.x)) === column ? [point.y] : []));
          return [Math.min(...values), Math.max(...values)];
        };
        for (let column = 0; column <= y.length / 7 + 1; column++) {
          expect(extremes(kept, column)).toEqual(extremes(line, column));
        }
      }),
    );
  });

  it('of a million values is short', () => {
    const line = lineOf({ name: '', y: Float32Array.from({ length: 1e6 }, (_, i) => Math.sin(i)) }, false);
    expect(thinned(line, (x) => x / 1000).length).toBeLessThan(4010);
  });
});

describe('a smoothed line', () => {
  const y = [1, 3, 8, Number.NaN, 5, 7];
  it('has the mean of the neighbours, but none from beyond a gap', () => {
    const values = smoothed(lineOf({ name: '', y }, false), 1).map((point) => point?.y);
    expect(values).toEqual([2, 4, 5.5, undefined, 6, 6]);
  });
  it('of no neighbours is the line', () => {
    expect(smoothed(lineOf({ name: '', y }, false), 0)).toEqual(lineOf({ name: '', y }, false));
  });
});
