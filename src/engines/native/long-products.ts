/**
 * Products with a long inner axis: a task has all of the sums of its tiles, which it adds up cut by cut. It packs what it
 * needs of B itself, and of A where that is transposed: there the rows of a tile lie side by side, and the steps along the
 * inner axis are so long that lines of the cache displace each other.
 */

import type { Tensor } from '../../tensor/tensor.ts';
import { Block } from '../compiled/emitter.ts';
import type { Windows } from '../compiled/windows.ts';
import { Affine } from './affine.ts';
import type { ProductChain } from './chains.ts';
import { defineRow } from './nest.ts';
import { RowProgram } from './row-program.ts';
import { createStep, type Step, StepArguments } from './steps.ts';
import { claimed, type Factors, type Left, leftOf, offsetOf, rowOf, sharesOf, stridesOf, type Tile } from './tiles.ts';

/** Rows and columns of what one task computes. */
const [ROWS, COLUMNS] = [192, 128];
/** Steps of the inner axis that are packed at once. */
const CUT = 256;
/** Floats of a line of the cache. */
const LINE = 16;

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

export function longProduct(chain: ProductChain, factors: Factors, stored: ReadonlySet<Tensor>, tile: Tile): Step {
  const { shape, b, windows } = factors;
  const { rows, columns, inner, transposeA } = shape;
  const strides = stridesOf(shape);
  const panels = Math.ceil(columns / tile.columns);
  const tilesOfTask = Math.ceil(Math.min(rows, ROWS) / tile.rows);
  const panelsOfTask = Math.min(panels, Math.max(1, Math.floor(COLUMNS / tile.columns)));
  const share = sharesOf(shape, tile, tilesOfTask, panelsOfTask);
  const args = new StepArguments(stored);
  const left = leftOf(factors, args);
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
  const across = panelsOfTask * tile.columns;

  const affine = new Affine();
  const row = new Block(undefined, affine);
  row.lines.push('const int o = (int)(start + i);');
  const program = new RowProgram(chain, stored);
  const terms = defineRow(row, affine, chain.frame, program.cuts);
  program.emit(row, affine, args, { terms, columns: ['begin', 'end'], product: `sums[i * ${across} + j - begin]` });
  return createStep('multiply_long', args, share.tasks, [
    `float sums[${tilesOfTask * across} * VAE_ROWS] __attribute__((aligned(64)));`,
    `float packed[${panelsOfTask * CUT} * VAE_COLUMNS] __attribute__((aligned(64)));`,
    ...(transposeA ? [`float left[${CUT * width}] __attribute__((aligned(64)));`] : []),
    ...claimed(share),
    `const long start = ${rowOf(shape, share, 'firstTile')}, width = ${rowOf(shape, share, 'lastTile')} - start;`,
    `for (long k = 0; k < ${inner}; k += ${CUT}) {`,
    `  const long count = k + ${CUT} < ${inner} ? ${CUT} : ${inner} - k;`,
    `  vae_pack(${right} + k * ${strides.b[0]}, ${strides.b.join(', ')}, count, ${columns}, firstPanel, lastPanel - firstPanel, packed);`,
    ...(transposeA ? (windows === undefined ? copied : copiedWindows(windows, left, width)) : []),
    // A tile of A stays near the processor, and panels of B come by as neighbours.
    '  for (long t = firstTile; t < lastTile; t++) {',
    `    const long row = ${rowOf(shape, share, 't')}, rows = ${rowOf(shape, share, 't + 1')} - row;`,
    '    for (long p = firstPanel; p < lastPanel; p++) {',
    `      vae_tile((int)rows, count, ${from}, packed + (p - firstPanel) * count * VAE_COLUMNS, sums + (row - start) * ${across} + (p - firstPanel) * VAE_COLUMNS, ${across}, k > 0);`,
    '    }',
    '  }',
    '}',
    'const int begin = (int)firstPanel * VAE_COLUMNS;',
    `const int end = lastPanel * VAE_COLUMNS < ${columns} ? (int)lastPanel * VAE_COLUMNS : ${columns};`,
    'for (long i = 0; i < width; i++) {',
    ...row.lines.map((line) => `  ${line}`),
    '}',
  ]);
}
