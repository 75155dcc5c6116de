/** A series of numbers as points of a line with gaps, thinned to what can be seen, or smoothed. */

export interface Series {
  readonly name: string;
  /** Increasing; by default 1, 2, 3, ... */
  readonly x?: ArrayLike<number>;
  /** The line has a gap where a value is not a finite number, or has no logarithm on a logarithmic axis. */
  readonly y: ArrayLike<number>;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A point, or a gap. */
export type Line = readonly (Point | undefined)[];

export function lineOf({ x, y }: Series, logarithmic: boolean): Line {
  return Array.from(y, (value, i) =>
    Number.isFinite(value) && (!logarithmic || value > 0) ? { x: x === undefined ? i + 1 : x[i], y: value } : undefined,
  );
}

export const withoutGaps = (line: Line): Point[] => line.filter((point) => point !== undefined);

/**
 * The first, least, greatest and last of the values that fall into one column of pixels: they cover what the whole
 * line would, with fewer strokes. A gap ends a column.
 */
export function thinned(line: Line, toPixel: (x: number) => number): Line {
  const kept: (Point | undefined)[] = [];
  let column: Point[] = [];
  const flush = () => {
    if (column.length > 4) {
      const order = column.toSorted((a, b) => a.y - b.y);
      const keep = new Set([column[0], order[0], order[order.length - 1], column[column.length - 1]]);
      column = column.filter((point) => keep.has(point));
    }
    kept.push(...column);
    column = [];
  };
  for (const point of line) {
    if (point === undefined || (column.length > 0 && Math.round(toPixel(point.x)) > Math.round(toPixel(column[0].x)))) {
      flush();
    }
    if (point === undefined) kept.push(undefined);
    else column.push(point);
  }
  flush();
  return kept;
}

/** Each point's mean with its `neighbours` nearest on either side, as far as the line or its next gap. */
export function smoothed(line: Line, neighbours: number): Line {
  const sums = [0];
  for (const point of line) sums.push(sums[sums.length - 1] + (point?.y ?? 0));
  // The number of points since the last gap, for each point.
  const rowTo = (points: Line): number[] => {
    let row = 0;
    return points.map((point) => {
      row = point === undefined ? 0 : row + 1;
      return row;
    });
  };
  const before = rowTo(line);
  const after = rowTo(line.toReversed()).reverse();
  return line.map((point, i) => {
    if (point === undefined) return undefined;
    const from = i - Math.min(neighbours, before[i] - 1);
    const to = i + Math.min(neighbours, after[i] - 1);
    return { x: point.x, y: (sums[to + 1] - sums[from]) / (to + 1 - from) };
  });
}
