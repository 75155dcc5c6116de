/** How matrix products are cut into tiles, and where what they multiply lies. */

import type { Tensor } from '../../tensor/tensor.ts';
import type { Product } from '../compiled/fusion.ts';
import { type ProductShape, productStep } from '../compiled/plan.ts';
import { type Windows, windowsOf } from '../compiled/windows.ts';
import type { StepArguments } from './steps.ts';

/** The largest tile that the processor's registers hold. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

/** A product with what it multiplies. */
export interface Factors {
  readonly shape: ProductShape;
  readonly a: Tensor;
  readonly b: Tensor;
  /** What A is made of, where it has no place itself. */
  readonly windows: Windows | undefined;
}

export function factorsOf(product: Product, stored: ReadonlySet<Tensor>): Factors {
  const { shape, operands } = productStep(product);
  const [a, b] = operands;
  return { shape, a, b, windows: stored.has(a) ? undefined : windowsOf(product.node.inputs[0]) };
}

/** Sums longer than this are cut, so that what is multiplied stays near the processor. */
const LONG = 2048;
/** A transposed left factor with fewer rows is read where it lies. */
const SHORT = 32;

/** Whether a product's inner axis is so long that tasks add it up cut by cut. Windows are read as whole rows. */
export function isLong({ shape: { inner, transposeA }, windows }: Factors): boolean {
  if (windows !== undefined) return transposeA;
  return transposeA ? inner >= SHORT : inner > LONG;
}

/** How far neighbours lie apart: of A along its rows and the inner axis, of B along the inner axis and its columns. */
export function stridesOf({ rows, columns, inner, transposeA, transposeB }: ProductShape) {
  return {
    a: transposeA ? ([1, rows] as const) : ([inner, 1] as const),
    b: transposeB ? ([1, inner] as const) : ([columns, 1] as const),
  };
}

/** The names of A, or of the images that its windows are in and of their table. */
export interface Left {
  readonly image: string;
  readonly table: string;
}

export const leftOf = ({ windows, a }: Factors, args: StepArguments): Left =>
  windows === undefined
    ? { image: args.pointerTo(a), table: '' }
    : { image: args.pointerTo(windows.image), table: args.pointerTo(windows.table) };

/** Defines `offset`: where tap `s` of a window begins among the images. */
export const offsetOf = (
  { windows, taps, rows, length }: Windows,
  table: string,
  window: string,
  tap: string,
): string[] => [
  `const int at = ${table}[(${window}) % ${windows} * ${taps} + ${tap}];`,
  `const int offset = at == ${rows} ? VAE_OUTSIDE : ((int)((${window}) / ${windows}) * ${rows} + at) * ${length};`,
];

/** The tiles and panels of a product, and how they are shared out. */
export interface Shares {
  readonly tiles: number;
  readonly panels: number;
  readonly tilesOfTask: number;
  readonly panelsOfTask: number;
  readonly tasks: number;
}

export function sharesOf(
  { rows, columns }: ProductShape,
  tile: Tile,
  tilesOfTask: number,
  panelsOfTask: number,
): Shares {
  const [tiles, panels] = [Math.ceil(rows / tile.rows), Math.ceil(columns / tile.columns)];
  const tasks = Math.ceil(tiles / tilesOfTask) * Math.ceil(panels / panelsOfTask);
  return { tiles, panels, tilesOfTask, panelsOfTask, tasks };
}

/** Defines which tiles and panels are a task's. */
export function claimed({ tiles, panels, tilesOfTask, panelsOfTask }: Shares): string[] {
  const across = Math.ceil(panels / panelsOfTask);
  return [
    `const long firstTile = task / ${across} * ${tilesOfTask}, firstPanel = task % ${across} * ${panelsOfTask};`,
    `const long lastTile = firstTile + ${tilesOfTask} < ${tiles} ? firstTile + ${tilesOfTask} : ${tiles};`,
    `const long lastPanel = firstPanel + ${panelsOfTask} < ${panels} ? firstPanel + ${panelsOfTask} : ${panels};`,
  ];
}

/** Where a tile's rows begin: rows are in tiles as even as can be. */
export const rowOf = ({ rows }: ProductShape, { tiles }: Shares, tile: string): string =>
  `(${tile}) * ${rows} / ${tiles}`;
