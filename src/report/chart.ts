/** Line charts: one or several series of numbers over steps or epochs, as a PNG. */

import type { Canvas } from './canvas.ts';
import { type Colour, paler, seriesColour } from './colours.ts';
import { drawFigure, type Plot } from './figure.ts';
import { type Line, lineOf, type Point, type Series, smoothed, thinned, withoutGaps } from './lines.ts';

export interface Chart {
  readonly title: string;
  /** What x counts. */
  readonly xLabel: string;
  /** What y is, with its unit. */
  readonly yLabel: string;
  readonly logarithmic?: boolean;
  /** For noisy series: draws the values pale and their running mean on top. */
  readonly smooth?: boolean;
  readonly series: readonly Series[];
}

const [WIDTH, HEIGHT] = [880, 480];
const THICKNESS = 2;
const DOT = 4;
/** A line with at most this many points has its points marked. */
const MOST_MARKED = 30;
/** Share of the range that stays free above and below the values. */
const PADDING = 0.05;
/** At most this share of a series, at its beginning, may lie outside the range if it would stretch the range too far. */
const BEGINNING = 0.05;
const TOO_FAR = 4;
/** The running mean covers this share of the series. */
const SMOOTHED_OVER = 0.02;

export const drawChart = (chart: Chart): Buffer => layChart(chart).png();

/** Draws a chart on a canvas as large as it needs. */
export function layChart({ title, xLabel, yLabel, logarithmic = false, smooth = false, series }: Chart): Canvas {
  const lines = series.map((one) => lineOf(one, logarithmic));
  const points = lines.flatMap(withoutGaps);
  const longest = Math.max(0, ...lines.map((line) => line.length));
  const neighbours = smooth ? Math.floor((SMOOTHED_OVER * longest) / 2) : 0;
  const { range, cut } = yRange(lines, logarithmic);
  const notes = [
    ...(points.length === 0 ? ['No values yet.'] : []),
    ...(neighbours > 0 ? [`Pale: all values; line: mean of ${2 * neighbours + 1}.`] : []),
    ...(cut ? ['The first values are beyond the axis.'] : []),
  ];
  const legend = series.map(({ name }, i) => ({ name, colour: seriesColour(i) }));
  const { low, high } = span(points.map((point) => point.x));
  // Room for the first and the last mark.
  const margin = isMarked(longest) ? 0.01 * (high - low) : 0;
  const figure = {
    title,
    x: { label: xLabel, whole: true, low: low - margin, high: high + margin },
    y: { label: yLabel, logarithmic, ...range },
    width: WIDTH,
    height: HEIGHT,
    legend,
    note: notes.join(' '),
  };
  return drawFigure(figure, (plot) => {
    if (neighbours > 0) lines.forEach((line, i) => void drawLine(plot, line, paler(legend[i].colour)));
    lines.forEach((line, i) => void drawLine(plot, smoothed(line, neighbours), legend[i].colour));
  });
}

const isMarked = (points: number): boolean => points <= MOST_MARKED;

/** From the smallest to the largest value; a wider range if there is only one value. */
function span(values: readonly number[]): { low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) return { low: 0, high: 1 };
  if (low < high) return { low, high };
  const room = low === 0 ? 1 : Math.abs(low) / 10;
  return { low: low - room, high: high + room };
}

/** The range of y, without the first values if they alone would flatten all others; `cut` tells so. */
function yRange(lines: readonly Line[], logarithmic: boolean): { range: { low: number; high: number }; cut: boolean } {
  const [scaled, value] = logarithmic ? [Math.log10, (power: number) => 10 ** power] : [Number, Number];
  const values = (skip: (count: number) => number): number[] =>
    lines.map(withoutGaps).flatMap((points) => points.slice(skip(points.length)).map(({ y }) => scaled(y)));
  const all = span(values(() => 0));
  const later = span(values((count) => (count > 2 ? Math.ceil(BEGINNING * count) : 0)));
  const cut = all.high - all.low > TOO_FAR * (later.high - later.low);
  const { low, high } = cut ? later : all;
  const padding = PADDING * (high - low);
  return { range: { low: value(low - padding), high: value(high + padding) }, cut };
}

function drawLine({ canvas, x, y }: Plot, line: Line, colour: Colour): void {
  const marked = isMarked(line.length);
  let last: Point | undefined;
  let joined = false;
  for (const point of [...thinned(line, x), undefined]) {
    // A value between two gaps is a dot too, or nobody would see it.
    const alone = !joined && point === undefined;
    if (last !== undefined && (marked || alone)) canvas.disc(last.x, last.y, DOT, colour);
    const next = point && { x: x(point.x), y: y(point.y) };
    joined = last !== undefined && next !== undefined;
    if (last !== undefined && next !== undefined) canvas.line(last.x, last.y, next.x, next.y, colour, THICKNESS);
    last = next;
  }
}
