/** Matrix products as steps: one packs B in panels, another multiplies tile by tile. */

import type { Tensor } from '../../tensor/tensor.ts';
import { storeValue, type Temporary } from '../compiled/arguments.ts';
import { Block } from '../compiled/emitter.ts';
import { type ProductShape, productStep } from '../compiled/plan.ts';
import { atLinear } from '../compiled/positions.ts';
import { type Windows, windowsOf } from '../compiled/windows.ts';
import { Affine } from './affine.ts';
import type { Multiplication } from './epilogues.ts';
import { cutsOf, defineCoordinates, IVDEP, refined, sumOf } from './nest.ts';
import { createStep, type Step, StepArguments } from './steps.ts';

/** The largest tile that the processor's registers hold. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

export function productSteps(product: Multiplication, stored: ReadonlySet<Tensor>, tile: Tile): Step[] {
  const { shape, operands } = productStep(product);
  const windows = stored.has(operands[0]) ? undefined : windowsOf(product.node.inputs[0]);
  const places = { stored, a: operands[0], b: operands[1], windows, product };
  // Of windows, whole rows alone can be read where they lie.
  if (windows !== undefined)
    return shape.transposeA ? [longProduct(shape, places, tile)] : plainProduct(shape, places, tile);
  const isLong = shape.transposeA ? shape.inner >= SHORT : shape.inner > LONG;
  return isLong ? [longProduct(shape, places, tile)] : plainProduct(shape, places, tile);
}

interface Places {
  readonly stored: ReadonlySet<Tensor>;
  readonly a: Tensor;
  readonly b: Tensor;
  /** What A is made of, where it has no place itself. */
  readonly windows: Windows | undefined;
  readonly product: Multiplication;
}

/** Sums longer than this are cut, so that what is multiplied stays near the processor. */
const LONG = 2048;
/** A transposed left factor with fewer rows is read where it lies. */
const SHORT = 32;
/** Rows of B that are packed at once by whoever multiplies with them. */
const CUT = 256;

/** How far neighbours lie apart: of A along its rows and the inner axis, of B along the inner axis and its columns. */
function stridesOf({ rows, columns, inner, transposeA, transposeB }: ProductShape) {
  return {
    a: transposeA ? ([1, rows] as const) : ([inner, 1] as const),
    b: transposeB ? ([1, inner] as const) : ([columns, 1] as const),
  };
}

/** The names of A, or of the images that its windows are in and of their table. */
interface Left {
  readonly image: string;
  readonly table: string;
}

const leftOf = (windows: Windows | undefined, a: Tensor, args: StepArguments): Left =>
  windows === undefined
    ? { image: args.pointerTo(a), table: '' }
    : { image: args.pointerTo(windows.image), table: args.pointerTo(windows.table) };

/** Defines `offset`: where tap `s` of a window begins among the images. */
const offsetOf = ({ windows, taps, rows, length }: Windows, table: string, window: string, tap: string): string[] => [
  `const int at = ${table}[(${window}) % ${windows} * ${taps} + ${tap}];`,
  `const int offset = at == ${rows} ? VAE_OUTSIDE : ((int)((${window}) / ${windows}) * ${rows} + at) * ${length};`,
];

/** Copies the columns from `start` on of windows `k` and so on. */
const copiedWindows = (windows: Windows, { image, table }: Left, width: number): string[] => [
  '  for (long i = 0; i < count; i++) {',
  '    for (long j = 0, next; j < width; j = next) {',
  `      const long s = (start + j) / ${windows.length}, first = (start + j) % ${windows.length};`,
  `      next = j + ${windows.length} - first < width ? j + ${windows.length} - first : width;`,
  ...offsetOf(windows, table, 'k + i', 's').map((line) => `      ${line}`),
  `      float *to = left + i * ${width};`,
  '      if (offset == VAE_OUTSIDE) for (long l = j; l < next; l++) to[l] = 0.0f;',
  `      else for (long l = j; l < next; l++) to[l] = ${image}[offset + first + l - j];`,
  '    }',
  '  }',
];

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

function plainProduct(shape: ProductShape, { stored, a, b, windows, product }: Places, tile: Tile): Step[] {
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
  const left = leftOf(windows, a, args);
  const panel = args.temporary(packed);
  const multiply = createStep('multiply', args, share.rowTasks * share.columnTasks, [
    'float out[VAE_ROWS * VAE_COLUMNS] __attribute__((aligned(64)));',
    ...claimed(share, tilesOfTask, panelsOfTask),
    'for (long p = firstPanel; p < lastPanel; p++) {',
    '  for (long t = firstTile; t < lastTile; t++) {',
    `    const long row = t * ${rows} / ${share.tiles}, rows = (t + 1) * ${rows} / ${share.tiles} - row, column = p * VAE_COLUMNS;`,
    ...(windows === undefined
      ? [
          `    vae_tile((int)rows, ${inner}, ${left.image} + row * ${strides.a[0]}, ${strides.a.join(', ')}, ${panel} + p * ${inner} * VAE_COLUMNS, out, 0);`,
        ]
      : [
          `    int32_t offsets[VAE_ROWS * ${windows.taps}];`,
          `    for (long i = 0; i < rows; i++) for (long s = 0; s < ${windows.taps}; s++) {`,
          ...offsetOf(windows, left.table, 'row + i', 's').map((line) => `      ${line}`),
          `      offsets[i * ${windows.taps} + s] = offset;`,
          '    }',
          `    vae_tile_gathered((int)rows, ${windows.taps}, ${windows.length}, ${left.image}, offsets, ${panel} + p * ${inner} * VAE_COLUMNS, out, 0);`,
        ]),
    ...storedTile(product, args, 'out', tile).map((line) => `    ${line}`),
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

/** Computes what is computed from a tile, and stores that and the tile where they are needed. */
function storedTile(
  { node, epilogue, isStored }: Multiplication,
  args: StepArguments,
  tile: string,
  { columns: width }: Tile,
): string[] {
  const [rows, columns] = node.shape;
  const store = (block: Block, linear: string, value: string, into: StepArguments): void => {
    block.remember(node, atLinear(node.shape, linear), value);
    if (isStored) block.lines.push(`${into.output(node)}[${linear}] = ${value};`);
    for (const one of epilogue) storeValue(block, one, linear, into);
  };
  const cuts = cutsOf(node.size, (block, linear) => store(block, linear, 'product', args.again()));
  const affine = new Affine();
  const row = new Block(undefined, affine);
  row.lines.push('const int y = (int)(row + i);');
  const terms = defineCoordinates(row, affine, 'y', refined({ size: rows, stride: columns }, cuts), 'y');
  const inner = new Block(row);
  affine.declare('j', columns);
  inner.lines.push('const int j = (int)column + k;');
  const value = inner.define('float', `${tile}[i * VAE_COLUMNS + k]`);
  store(inner, node.size === 1 ? '0' : inner.index(sumOf([...terms, 'j'])), value, args);
  const count = columns % width === 0 ? 'VAE_COLUMNS' : 'count';
  row.lines.push(IVDEP);
  row.nest(`for (int k = 0; k < ${count}; k++)`, inner);
  const block = new Block();
  if (count === 'count') {
    block.lines.push(
      `const int count = column + VAE_COLUMNS <= ${columns} ? VAE_COLUMNS : (int)(${columns} - column);`,
    );
  }
  block.nest('for (long i = 0; i < rows; i++)', row);
  return block.lines;
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
function longProduct(shape: ProductShape, { stored, a, b, windows, product }: Places, tile: Tile): Step {
  const { rows, columns, inner, transposeA } = shape;
  const strides = stridesOf(shape);
  const panels = Math.ceil(columns / tile.columns);
  const tilesOfTask = Math.ceil(Math.min(rows, LONG_ROWS) / tile.rows);
  const panelsOfTask = Math.min(panels, Math.max(1, Math.floor(LONG_COLUMNS / tile.columns)));
  const share = sharesOf(shape, tile, tilesOfTask, panelsOfTask);
  const args = new StepArguments(stored);
  const left = leftOf(windows, a, args);
  const right = args.pointerTo(b);
  // An odd number of lines: neighbours along the inner axis fall into different sets of the cache.
  const width = LINE * (2 * Math.ceil((tilesOfTask * tile.rows) / LINE / 2) + 1);
  const copied = [
    '  for (long i = 0; i < count; i++) {',
    `    for (long j = 0; j < width; j++) left[i * ${width} + j] = ${left.image}[(k + i) * ${rows} + start + j];`,
    '  }',
  ];
  const from = transposeA
    ? `left + row - start, 1, ${width}`
    : `${left.image} + row * ${strides.a[0]} + k, ${strides.a.join(', ')}`;
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
    ...(transposeA ? (windows === undefined ? copied : copiedWindows(windows, left, width)) : []),
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
    ...storedTile(product, args, 'tile', tile).map((line) => `    ${line}`),
    '  }',
    '}',
  ]);
}
