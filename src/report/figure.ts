/** What charts and scatters have in common: a title, two axes with round values on a light grid, and a legend. */

import { type Box, Canvas } from './canvas.ts';
import { BLACK, type Colour, grey, WHITE } from './colours.ts';
import { CAPITAL_HEIGHT, GLYPH_HEIGHT, textWidth, wrap } from './font.ts';
import { formatTicks, linearTicks, logarithmicTicks } from './ticks.ts';

export interface Axis {
  readonly label: string;
  /** Needs low < high, and 0 < low on a logarithmic axis. */
  readonly low: number;
  readonly high: number;
  readonly logarithmic?: boolean;
  /** It counts something: there is no value between 1 and 2. */
  readonly whole?: boolean;
}

export interface LegendEntry {
  readonly name: string;
  readonly colour: Colour;
}

export interface Figure {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Size of the plot within the axes, in pixels. */
  readonly width: number;
  readonly height: number;
  /** A legend has at least two entries; one would repeat the title. */
  readonly legend: readonly LegendEntry[];
  /** Small print; empty for none. */
  readonly note: string;
}

/** Where values are on the canvas. */
export interface Plot {
  readonly canvas: Canvas;
  readonly box: Box;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** Pixels of the picture per pixel of the font. */
const SCALE = 2;
const LINE = SCALE * (GLYPH_HEIGHT + 3);
const MARGIN = 16;
const TICK = 6;
const INK = grey(40);
const QUIET = grey(110);
const GRID = grey(226);
/** A legend with more entries says how many it leaves out. */
const MOST_ENTRIES = 20;

/** Draws the axes and what `content` draws within them. */
export function drawFigure(figure: Figure, content: (plot: Plot) => void): Canvas {
  const { x, y, width, height, note } = figure;
  const legend = legendOf(figure);
  const [xTicks, yTicks] = [ticksOf(x, Math.floor(width / 110)), ticksOf(y, Math.floor(height / 60))];
  const widthOf = (texts: readonly string[]): number => SCALE * Math.max(0, ...texts.map(textWidth));
  const left = MARGIN + widthOf(yTicks.map(({ text }) => text)) + 2 * TICK;
  // Half of the last tick's text extends beyond the axis.
  const lastTick = widthOf(xTicks.slice(-1).map(({ text }) => text)) / 2;
  const legendWidth = legend.length === 0 ? 0 : 2 * MARGIN + SWATCH + widthOf(legend.map(({ name }) => name));
  const right = left + width;
  const fullWidth = Math.ceil(right + MARGIN + Math.max(lastTick, legendWidth));
  const title = wrap(figure.title, (fullWidth - 2 * MARGIN) / SCALE);
  const top = MARGIN + (title.length + 1) * LINE + TICK;
  const bottom = top + height;
  const footer = 2 * TICK + LINE * (note === '' ? 2 : 3);
  const legendBottom = top + legend.length * LINE;
  const canvas = new Canvas(fullWidth, Math.max(bottom + footer, legendBottom) + MARGIN / 2);
  const box: Box = { left, top, right, bottom };
  const plot: Plot = {
    canvas,
    box,
    // Half a pixel in from the edges, where the centres of the outermost pixels are.
    x: (value) => left + position(x, value) * (width - 1),
    y: (value) => bottom - 1 - position(y, value) * (height - 1),
  };

  title.forEach((line, i) => {
    canvas.text(MARGIN, MARGIN + i * LINE, line, { colour: BLACK, scale: SCALE });
  });
  canvas.text(MARGIN, MARGIN + title.length * LINE, y.label, { colour: QUIET, scale: SCALE });
  for (const { value, text } of xTicks) {
    const at = Math.round(plot.x(value));
    canvas.rectangle({ left: at, top, right: at + 1, bottom: bottom + TICK }, GRID);
    canvas.text(at + 1, bottom + 2 * TICK, text, { colour: INK, scale: SCALE, align: 'centre' });
  }
  for (const { value, text } of yTicks) {
    const at = Math.round(plot.y(value));
    canvas.rectangle({ left: left - TICK, top: at, right, bottom: at + 1 }, GRID);
    canvas.text(left - 2 * TICK, at - CAPITAL_HEIGHT + 1, text, { colour: INK, scale: SCALE, align: 'right' });
  }
  canvas.text(right, bottom + 2 * TICK + LINE, x.label, { colour: QUIET, scale: SCALE, align: 'right' });
  canvas.text(MARGIN, bottom + 2 * TICK + 2 * LINE, note, { colour: QUIET, scale: SCALE });
  canvas.within(box, () => content(plot));
  canvas.rectangle({ left: left - 1, top, right: left, bottom }, INK);
  canvas.rectangle({ left: left - 1, top: bottom, right, bottom: bottom + 1 }, INK);
  drawLegend(canvas, right + MARGIN, top, legend);
  return canvas;
}

const SWATCH = 26;

function legendOf({ legend }: Figure): readonly LegendEntry[] {
  if (legend.length < 2) return [];
  if (legend.length <= MOST_ENTRIES) return legend;
  const more = { name: `and ${legend.length - MOST_ENTRIES + 1} more`, colour: WHITE };
  return [...legend.slice(0, MOST_ENTRIES - 1), more];
}

function drawLegend(canvas: Canvas, left: number, top: number, legend: readonly LegendEntry[]): void {
  legend.forEach(({ name, colour }, i) => {
    const y = top + i * LINE;
    canvas.rectangle({ left, top: y + 1, right: left + 16, bottom: y + SCALE * CAPITAL_HEIGHT - 1 }, colour);
    canvas.text(left + SWATCH, y, name, { colour: INK, scale: SCALE });
  });
}

/** Where a value is between an axis's ends, 0 to 1. */
function position({ low, high, logarithmic }: Axis, value: number): number {
  if (!logarithmic) return (value - low) / (high - low);
  return Math.log(value / low) / Math.log(high / low);
}

function ticksOf({ low, high, logarithmic, whole }: Axis, count: number): { value: number; text: string }[] {
  const most = whole ? Math.min(count, high - low) : count;
  const values = (logarithmic ? logarithmicTicks : linearTicks)(low, high, most);
  const texts = formatTicks(values);
  return values.map((value, i) => ({ value, text: texts[i] }));
}
