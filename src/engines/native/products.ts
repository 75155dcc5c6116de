/** Matrix products as steps: one packs B in panels, another multiplies tile by tile. */

import type { Tensor } from '../../tensor/tensor.ts';
import type { Temporary } from '../compiled/arguments.ts';
import type { Product } from '../compiled/fusion.ts';
import { type ProductShape, productStep } from '../compiled/plan.ts';
import { createStep, type Step, StepArguments } from './steps.ts';

/** The largest tile that the processor's registers hold. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

export function productSteps(product: Product, stored: ReadonlySet<Tensor>, tile: Tile): Step[] {
  const { shape, operands } = productStep(product);
  const places = { stored, a: operands[0], b: operands[1], out: operands[2] };
  const isLong = shape.transposeA ? shape.inner > CUT : shape.inner > LONG;
  return isLong ? [longProduct(shape, places, tile)] : plainProduct(shape, places, tile);
}

interface Places {
  readonly stored: ReadonlySet<Tensor>;
  readonly a: Tensor;
  readonly b: Tensor;
  readonly out: Tensor;
}

/** Sums longer than this are cut, so that what is multiplied stays near the processor. */
const LONG = 2048;
/** Rows of B that are packed at once by whoever multiplies with them. */
const CUT = 256;

/** How far neighbours lie apart: of A along its rows and the inner axis, of B along the inner axis and its columns. */
function stridesOf({ rows, columns, inner, transposeA, transposeB }: ProductShape) {
  return {
    a: transposeA ? ([1, rows] as const) : ([inner, 1] as const),
    b: transposeB ? ([1, inner] as const) : ([columns, 1] as const),
  };
}

/** Rows of A in tiles as even as can be, and how many tiles and panels a task has. */
function sharesOf({ rows, columns }: ProductShape, tile: Tile, tilesOfTask: number, panelsOfTask: number) {
  const [tiles, panels] = [Math.ceil(rows / tile.rows), Math.ceil(columns / tile.columns)];
  return {
    tiles,
    panels,
    rowTasks: Math.ceil(tiles / tilesOfTask),
    columnTasks: Math.ceil(panels / panelsOfTask),
  };
}

/** Multiply-adds that a task should have, and rows that it should have before it gets more columns. */
const [WORK, TALL] = [2 ** 21, 96];

function plainProduct(shape: ProductShape, { stored, a, b, out }: Places, tile: Tile): Step[] {
  const { rows, columns, inner } = shape;
  const strides = stridesOf(shape);
  const panels = Math.ceil(columns / tile.columns);
  const packed: Temporary = { floats: panels * tile.columns * inner };

  const packing = new StepArguments(stored);
  const each = Math.max(1, Math.ceil(panels / Math.ceil(packed.floats / 2 ** 14)));
  const from = packing.pointerTo(b);
  const pack = createStep('pack', packing, Math.ceil(panels / each), [
    `const long first = task * ${each}, count = first + ${each} < ${panels} ? ${each} : ${panels} - first;`,
    `vae_pack(${from}, ${strides.b.join(', ')}, ${inner}, ${columns}, first, count, ${packing.output(packed)} + first * ${inner * tile.columns});`,
  ]);

  const perTile = tile.rows * tile.columns * inner;
  const tilesOfTask = Math.ceil(Math.min(TALL, rows) / tile.rows);
  const panelsOfTask = Math.max(1, Math.min(panels, Math.floor(WORK / (perTile * tilesOfTask))));
  const share = sharesOf(shape, tile, tilesOfTask, panelsOfTask);
  const args = new StepArguments(stored);
  const [left, panel, to] = [args.pointerTo(a), args.temporary(packed), args.output(out)];
  const multiply = createStep('multiply', args, share.rowTasks * share.columnTasks, [
    'float out[VAE_ROWS * VAE_COLUMNS] __attribute__((aligned(64)));',
    ...claimed(share, tilesOfTask, panelsOfTask),
    'for (long p = firstPanel; p < lastPanel; p++) {',
    '  for (long t = firstTile; t < lastTile; t++) {',
    `    const long row = t * ${rows} / ${share.tiles}, rows = (t + 1) * ${rows} / ${share.tiles} - row, column = p * VAE_COLUMNS;`,
    `    vae_tile((int)rows, ${inner}, ${left} + row * ${strides.a[0]}, ${strides.a.join(', ')}, ${panel} + p * ${inner} * VAE_COLUMNS, out, 0);`,
    ...storedTile(to, 'out', columns, tile).map((line) => `    ${line}`),
    '  }',
    '}',
  ]);
  return [pack, multiply];
}

/** The tiles and panels of a task. */
const claimed = (
  { tiles, panels, columnTasks }: ReturnType<typeof sharesOf>,
  tilesOfTask: number,
  panelsOfTask: number,
): string[] => [
  `const long firstTile = task / ${columnTasks} * ${tilesOfTask}, firstPanel = task % ${columnTasks} * ${panelsOfTask};`,
  `const long lastTile = firstTile + ${tilesOfTask} < ${tiles} ? firstTile + ${tilesOfTask} : ${tiles};`,
  `const long lastPanel = firstPanel + ${panelsOfTask} < ${panels} ? firstPanel + ${panelsOfTask} : ${panels};`,
];

/** Copies a tile to its place in a matrix of so many columns. */
function storedTile(to: string, tile: string, columns: number, { columns: width }: Tile): string[] {
  const copy = (count: string): string =>
    `for (long i = 0; i < rows; i++) for (long j = 0; j < ${count}; j++) ${to}[(row + i) * ${columns} + column + j] = ${tile}[i * VAE_COLUMNS + j];`;
  if (columns % width === 0) return [copy('VAE_COLUMNS')];
  return [`if (column + VAE_COLUMNS <= ${columns}) ${copy('VAE_COLUMNS')}`, `else ${copy(`${columns} - column`)}`];
}

/** Rows and columns of what one task of a long product computes. */
const [LONG_ROWS, LONG_COLUMNS] = [192, 128];
/** Floats of a line of the cache. */
const LINE = 16;

/**
 * A product with a long inner axis: a task has all of the sums of its tiles, which it adds up cut by cut. It packs what it
 * needs of B itself, and of A where that is transposed: there the rows of a tile lie side by side, and the steps along the
 * inner axis are so long that lines of the cache displace each other.
 */
function longProduct(shape: ProductShape, { stored, a, b, out }: Places, tile: Tile): Step {
  const { rows, columns, inner, transposeA } = shape;
  const strides = stridesOf(shape);
  const panels = Math.ceil(columns / tile.columns);
  const tilesOfTask = Math.ceil(Math.min(rows, LONG_ROWS) / tile.rows);
  const panelsOfTask = Math.min(panels, Math.max(1, Math.floor(LONG_COLUMNS / tile.columns)));
  const share = sharesOf(shape, tile, tilesOfTask, panelsOfTask);
  const args = new StepArguments(stored);
  const [left, right, to] = [args.pointerTo(a), args.pointerTo(b), args.output(out)];
  // An odd number of lines: neighbours along the inner axis fall into different sets of the cache.
  const width = LINE * (2 * Math.ceil((tilesOfTask * tile.rows) / LINE / 2) + 1);
  const copied = [
    '  for (long i = 0; i < count; i++) {',
    `    for (long j = 0; j < width; j++) left[i * ${width} + j] = ${left}[(k + i) * ${rows} + start + j];`,
    '  }',
  ];
  const from = transposeA
    ? `left + row - start, 1, ${width}`
    : `${left} + row * ${strides.a[0]} + k, ${strides.a.join(', ')}`;
  const rowsOfTile = `const long row = t * ${rows} / ${share.tiles}, rows = (t + 1) * ${rows} / ${share.tiles} - row;`;
  const sums = `sums + ((p - firstPanel) * ${tilesOfTask} + t - firstTile) * VAE_ROWS * VAE_COLUMNS`;
  return createStep('multiply_long', args, share.rowTasks * share.columnTasks, [
    `float sums[${tilesOfTask * panelsOfTask} * VAE_ROWS * VAE_COLUMNS] __attribute__((aligned(64)));`,
    `float packed[${panelsOfTask * CUT} * VAE_COLUMNS] __attribute__((aligned(64)));`,
    ...(transposeA ? [`float left[${CUT * width}] __attribute__((aligned(64)));`] : []),
    ...claimed(share, tilesOfTask, panelsOfTask),
    `const long start = firstTile * ${rows} / ${share.tiles}, width = lastTile * ${rows} / ${share.tiles} - start;`,
    `for (long k = 0; k < ${inner}; k += ${CUT}) {`,
    `  const long count = k + ${CUT} < ${inner} ? ${CUT} : ${inner} - k;`,
    `  vae_pack(${right} + k * ${strides.b[0]}, ${strides.b.join(', ')}, count, ${columns}, firstPanel, lastPanel - firstPanel, packed);`,
    ...(transposeA ? copied : []),
    '  for (long p = firstPanel; p < lastPanel; p++) {',
    '    for (long t = firstTile; t < lastTile; t++) {',
    `      ${rowsOfTile}`,
    `      vae_tile((int)rows, count, ${from}, packed + (p - firstPanel) * count * VAE_COLUMNS, ${sums}, k > 0);`,
    '    }',
    '  }',
    '}',
    'for (long p = firstPanel; p < lastPanel; p++) {',
    '  for (long t = firstTile; t < lastTile; t++) {',
    `    ${rowsOfTile}`,
    `    const long column = p * VAE_COLUMNS;`,
    `    const float *tile = ${sums};`,
    ...storedTile(to, 'tile', columns, tile).map((line) => `    ${line}`),
    '  }',
    '}',
  ]);
}
