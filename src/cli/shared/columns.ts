/** A list in columns, whatever the width of the terminal. */

import { wrapped } from './words.ts';

const GAP = '  ';
/** A cell that is longer moves the rest of its row, and not the other rows. */
const WIDEST = 24;
/** What the last column needs to be one. */
const LEAST_ROOM = 20;

/**
 * Rows as lines whose cells stand below each other. The last cell breaks at word ends: below itself, or where that has no
 * room with an indent of its own.
 * @param room columns of the terminal; undefined where there is none, and a row is one line.
 */
export function inColumns(rows: readonly (readonly string[])[], room: number | undefined): string[] {
  const widthOf = (column: number): number =>
    Math.max(0, ...rows.map((row) => row[column].length).filter((width) => width <= WIDEST));
  const widths = (rows[0] ?? []).slice(0, -1).map((_, column) => widthOf(column));
  const before = widths.reduce((sum, width) => sum + width + GAP.length, 0);
  const columns = room ?? Number.POSITIVE_INFINITY;
  const indent = ' '.repeat(columns - before < LEAST_ROOM ? 2 * GAP.length : before);
  return rows.map((row) => {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(GAP);
    return wrapped(line, columns, { indent });
  });
}
