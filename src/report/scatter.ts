/** Points of a plane, coloured by their labels, as a PNG; points of more dimensions by their principal components. */

import type { Canvas } from './canvas.ts';
import { BLACK, type Colour, seriesColour, WHITE } from './colours.ts';
import { type Axis, drawFigure, type Plot } from './figure.ts';
import { CAPITAL_HEIGHT } from './font.ts';
import { principalComponents } from './principal-components.ts';

export interface Scatter {
  readonly title: string;
  /** [count, dimensions], at least two dimensions. */
  readonly points: Float32Array;
  readonly dimensions: number;
  /** The label of each point; without labels all points have one colour. */
  readonly labels?: ArrayLike<number>;
  /** What the labels are called in the legend; by default their numbers. */
  readonly names?: readonly string[];
  /** What the axes of points of two dimensions are called. */
  readonly axisLabels?: readonly [string, string];
  /** Whether one unit is as long on both axes, as distances in the plane need it; by default it is. */
  readonly equal?: boolean;
}

const SIDE = 640;
/** Of a name in the legend. */
const MOST_LETTERS = 14;
/** Share of the range that stays free around the points. */
const PADDING = 0.04;
const [OPACITY, HALO] = [0.7, 2];
/** For few points and for many: few must stay visible, many must not hide each other. */
const [LARGEST_RADIUS, SMALLEST_RADIUS] = [5, 1.5];

export const drawScatter = (scatter: Scatter): Buffer => layScatter(scatter).png();

/** Draws a scatter on a canvas as large as it needs. */
export function layScatter(scatter: Scatter): Canvas {
  const { title, points, axes } = flattened(scatter);
  const { labels, names = [], equal = true } = scatter;
  const classes = [...new Set(labels === undefined ? [] : Array.from(labels))].sort((a, b) => a - b);
  const colours = new Map(classes.map((label, i) => [label, seriesColour(i)]));
  const legend = classes.map((label) => ({ name: legendName(label, names[label]), colour: colours.get(label)! }));
  const [x, y] = equal ? axes.map((axis) => widened(axis, Math.max(...axes.map(lengthOf)))) : axes;
  return drawFigure({ title, x, y, width: SIDE, height: SIDE, legend, note: '' }, (plot) => {
    const radius = Math.min(LARGEST_RADIUS, Math.max(SMALLEST_RADIUS, 150 / Math.sqrt(points.length / 2)));
    for (let i = 0; 2 * i < points.length; i++) {
      const colour = labels === undefined ? seriesColour(0) : colours.get(labels[i])!;
      plot.canvas.disc(plot.x(points[2 * i]), plot.y(points[2 * i + 1]), radius, colour, OPACITY);
    }
    if (classes.length > 1) nameClasses(plot, points, labels!, colours);
  });
}

/** The number too, which stands among the points; alone where the font cannot write the name. */
function legendName(label: number, name: string = String(label)): string {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '');
  const isWritten = /^[ -~]+$/.test(plain) && plain !== String(label);
  return isWritten ? `${label} ${plain.slice(0, MOST_LETTERS)}` : String(label);
}

/** Points of a plane as they are; others projected, which the title says. */
function flattened({ title, points, dimensions, axisLabels = ['', ''] }: Scatter) {
  if (dimensions === 2) return { title, points, axes: axisLabels.map((label, i) => axisOf(points, i, label)) };
  const { points: projected, explained } = principalComponents(points, dimensions);
  const share = (part: number): string => `${(100 * part).toFixed(0)} %`;
  const axes = explained.map((part, i) => axisOf(projected, i, `component ${i + 1} (${share(part)})`));
  const both = share(explained[0] + explained[1]);
  return { title: `${title}, by PCA: ${both} of the variance`, points: projected, axes };
}

function axisOf(points: Float32Array, column: number, label: string): Axis {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = column; i < points.length; i += 2) [low, high] = [Math.min(low, points[i]), Math.max(high, points[i])];
  const padding = low < high ? PADDING * (high - low) : 1;
  return { label, low: low - padding, high: high + padding };
}

const lengthOf = ({ low, high }: Axis): number => high - low;

const widened = (axis: Axis, length: number): Axis => {
  const room = (length - lengthOf(axis)) / 2;
  return { ...axis, low: axis.low - room, high: axis.high + room };
};

/** Each label at the middle of its points, for people who cannot tell the colours apart. */
function nameClasses(
  { canvas, x, y }: Plot,
  points: Float32Array,
  labels: ArrayLike<number>,
  colours: ReadonlyMap<number, Colour>,
): void {
  for (const label of colours.keys()) {
    const own = Array.from(labels, (_, i) => i).filter((i) => labels[i] === label);
    const middle = (column: number): number =>
      own.map((i) => points[2 * i + column]).sort((a, b) => a - b)[own.length >> 1];
    const [left, top] = [Math.round(x(middle(0))), Math.round(y(middle(1))) - CAPITAL_HEIGHT];
    const name = (dx: number, dy: number, colour: Colour) =>
      canvas.text(left + dx, top + dy, String(label), { colour, scale: 2, align: 'centre' });
    for (let dy = -HALO; dy <= HALO; dy++) for (let dx = -HALO; dx <= HALO; dx++) name(dx, dy, WHITE);
    name(0, 0, BLACK);
  }
}
