/**
 * Matrix products as steps: one packs B in panels, another multiplies some rows of tiles at a time into a small buffer, and
 * computes from these rows what follows the product.
 */

import type { Tensor } from '../../tensor/tensor.ts';
import type { Temporary } from '../compiled/arguments.ts';
import { Block } from '../compiled/emitter.ts';
import { Affine } from './affine.ts';
import type { Chain, ProductChain } from './chains.ts';
import { columnSums } from './column-sums.ts';
import { longProduct } from './long-products.ts';
import { defineRow } from './nest.ts';
import { RowProgram } from './row-program.ts';
import { createStep, type Step, StepArguments } from './steps.ts';
import { claimed, factorsOf, isLong, leftOf, offsetOf, rowOf, sharesOf, stridesOf, type Tile } from './tiles.ts';

export function productSteps(chain: ProductChain, stored: ReadonlySet<Tensor>, tile: Tile): Step[] {
  const factors = factorsOf(chain.product, stored);
  return isLong(factors) ? [longProduct(chain, factors, stored, tile)] : plainProduct(chain, stored, tile);
}

/** Most columns of which a task has whole rows. */
const MOST_COLUMNS = 256;

/** Whether whole rows of a product are there at once, for what follows it. */
export const holdsRows = (product: Chain['product'] & object, stored: ReadonlySet<Tensor>): boolean =>
  product.node.shape[1] <= MOST_COLUMNS && !isLong(factorsOf(product, stored));

/** Multiply-adds that a task should have, rows that it should have before it gets more columns, and its most columns. */
const [WORK, TALL, BROAD] = [2 ** 21, 144, 128];
/** Tasks that leave sums of columns behind. */
const MOST_SUMS = 64;
/** Floats that a task packs for itself at most, and that one should pack for others. */
const [OWN, PACKED] = [2 ** 16, 2 ** 14];
/** Floats of the buffer of rows. */
const BUFFER = 4096;

function plainProduct(chain: ProductChain, stored: ReadonlySet<Tensor>, tile: Tile): Step[] {
  const factors = factorsOf(chain.product, stored);
  const { shape, b, windows } = factors;
  const { rows, columns, inner } = shape;
  const strides = stridesOf(shape);
  const panels = Math.ceil(columns / tile.columns);
  const packed: Temporary = { floats: panels * tile.columns * inner };

  const program = new RowProgram(chain, stored);
  const isWhole = [...chain.members.values()].some((level) => level !== 'value');
  const tall = program.columnSums.length > 0 ? Math.max(TALL, Math.ceil(rows / MOST_SUMS)) : TALL;
  const tilesOfTask = Math.ceil(Math.min(tall, rows) / tile.rows);
  const perTile = tile.rows * tile.columns * inner;
  const wide = Math.min(panels, Math.floor(BROAD / tile.columns), Math.floor(WORK / (perTile * tilesOfTask)));
  const share = sharesOf(shape, tile, tilesOfTask, isWhole ? panels : Math.max(1, wide));
  const width = share.panelsOfTask * tile.columns;
  // Where no other task needs them, panels are packed by the one that does, and stay near its processor.
  const isOwn = tilesOfTask === share.tiles && width * inner <= OWN;
  const together = Math.max(1, Math.min(tilesOfTask, Math.floor(BUFFER / (tile.rows * width))));

  const args = new StepArguments(stored);
  const left = leftOf(factors, args);
  const panel = isOwn
    ? `packed + (p - firstPanel) * ${inner * tile.columns}`
    : `${args.temporary(packed)} + p * ${inner * tile.columns}`;
  const right = `${strides.b.join(', ')}, ${inner}, ${columns}`;
  const into = `out + (row - first) * ${width} + (p - firstPanel) * VAE_COLUMNS, ${width}, 0`;
  const sums = columnSums(program, chain, share.tasks, args);
  const affine = new Affine();
  const row = new Block(undefined, affine);
  row.lines.push(`const int o = (int)(first + i);`);
  const terms = defineRow(row, affine, chain.frame, program.cuts);
  const whole = share.panelsOfTask === share.panels;
  program.emit(row, affine, args, {
    terms,
    columns: whole ? ['0', String(columns)] : ['begin', 'end'],
    product: whole ? `out[i * ${width} + j]` : `out[i * ${width} + j - begin]`,
  });
  const multiply = createStep('multiply', args, share.tasks, [
    `float out[${together} * VAE_ROWS * ${width}] __attribute__((aligned(64)));`,
    ...(windows === undefined ? [] : [`int32_t offsets[${together} * VAE_ROWS * ${windows.taps}];`]),
    ...(isOwn ? [`float packed[${width * inner}] __attribute__((aligned(64)));`] : []),
    ...claimed(share),
    ...(isOwn ? [`vae_pack(${args.pointerTo(b)}, ${right}, firstPanel, lastPanel - firstPanel, packed);`] : []),
    ...(whole
      ? []
      : [
          'const int begin = (int)firstPanel * VAE_COLUMNS;',
          `const int end = lastPanel * VAE_COLUMNS < ${columns} ? (int)lastPanel * VAE_COLUMNS : ${columns};`,
        ]),
    ...sums.before,
    `for (long b = firstTile; b < lastTile; b += ${together}) {`,
    `  const long next = b + ${together} < lastTile ? b + ${together} : lastTile;`,
    `  const long first = ${rowOf(shape, share, 'b')}, rows = ${rowOf(shape, share, 'next')} - first;`,
    ...(windows === undefined
      ? []
      : [
          '  for (long i = 0; i < rows; i++) {',
          `    for (long s = 0; s < ${windows.taps}; s++) {`,
          ...offsetOf(windows, left.table, 'first + i', 's').map((line) => `      ${line}`),
          `      offsets[i * ${windows.taps} + s] = offset;`,
          '    }',
          '  }',
        ]),
    '  for (long p = firstPanel; p < lastPanel; p++) {',
    '    for (long t = b; t < next; t++) {',
    `      const long row = ${rowOf(shape, share, 't')}, count = ${rowOf(shape, share, 't + 1')} - row;`,
    windows === undefined
      ? `      vae_tile((int)count, ${inner}, ${left.image} + row * ${strides.a[0]}, ${strides.a.join(', ')}, ${panel}, ${into});`
      : `      vae_tile_gathered((int)count, ${windows.taps}, ${windows.length}, ${left.image}, offsets + (row - first) * ${windows.taps}, ${panel}, ${into});`,
    '    }',
    '  }',
    '  for (long i = 0; i < rows; i++) {',
    ...row.lines.map((line) => `    ${line}`),
    '  }',
    '}',
    ...sums.behind,
  ]);
  const steps = [multiply, ...sums.joins(stored)];
  if (isOwn) return steps;
  const packing = new StepArguments(stored);
  const each = Math.max(1, Math.ceil(panels / Math.ceil(packed.floats / PACKED)));
  const pack = createStep('pack', packing, Math.ceil(panels / each), [
    `const long first = task * ${each}, count = first + ${each} < ${panels} ? ${each} : ${panels} - first;`,
    `vae_pack(${packing.pointerTo(b)}, ${right}, first, count, ${packing.output(packed)} + first * ${inner * tile.columns});`,
  ]);
  return [pack, ...steps];
}
