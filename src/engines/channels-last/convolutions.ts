/**
 * Convolutions of images held with their channels last, as gathers and one matrix product.
 *
 * A constant table gathers what each window reads into a row of a matrix, and the filter is the other factor. The
 * operators Conv and ConvTranspose cannot arrange a filter that changes from call to call for the processor beforehand, and
 * their images have no channels in rows: with them a step takes 1.2 times as long on 28 × 28 grey images, 1.4 on 32 × 32
 * colour images, and 1.6 in a residual network, measured as one thread's processor time.
 */

import type { Pair } from '../../tensor/primitives.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { attributesOf, constant, operation, type Tensor } from '../../tensor/tensor.ts';
import {
  type Cells,
  cellsOf,
  cellsOfWindows,
  type Geometry,
  pixelsOfCells,
  pixelsOfWindows,
  placesOfPixels,
  windowsOfCells,
  windowsOfPixels,
} from './windows.ts';

/** What all convolutions of a program share. */
export interface Tables {
  /** Tables are compared by identity, so equal ones must be made once for what they gather to be shared. */
  (key: string, make: () => Int32Array): Tensor;
  /** Fewer columns than this leave a matrix product's vectors half empty. */
  readonly wide: number;
}

export function createTables(wide: number): Tables {
  const known = new Map<string, Tensor>();
  const tables = (key: string, make: () => Int32Array): Tensor => {
    const table = known.get(key) ?? toTensor(make());
    known.set(key, table);
    return table;
  };
  return Object.assign(tables, { wide });
}

const toTensor = (table: Int32Array): Tensor => constant(table, [table.length], 'int32');

/** Rows of each image [N, rows, C] by a table; the row after the last is zero. */
function gatherRows(x: Tensor, key: string, tables: Tables, make: () => Int32Array): Tensor {
  const rows = x.shape[1];
  const table = tables(key, make);
  const { values } = attributesOf(table, 'constant');
  if (values.length === rows && values.every((row, i) => row === i)) return x;
  const padded = values.includes(rows) ? operation('pad', [x], { before: [0, 0, 0], after: [0, 1, 0] }) : x;
  return padded.gather(table, 1);
}

const keyOf = (what: string, geometry: Geometry): string => `${what} ${JSON.stringify(geometry)}`;

/** What each window reads, a row for each, and how filters are arranged to meet it. */
interface Patches {
  /** [N·H′·W′, K] */
  readonly rows: Tensor;
  /** filter [O, KH, KW, C] → [O, K] */
  arrange(filter: Tensor): Tensor;
  /** [O, K] → [O, KH, KW, C] */
  restore(matrix: Tensor): Tensor;
}

/** Fewer channels than this are gathered cell by cell, where one by one each would cost as much as 16 of them. */
const FEW_CHANNELS = 8;

/** The patches of x [N, H, W, C]. */
function patchesOf(x: Tensor, geometry: Geometry, tables: Tables): Patches {
  const { stride, kernel } = geometry;
  const divides = kernel.every((side, axis) => side % stride[axis] === 0);
  const cellwise = x.shape[3] < FEW_CHANNELS && divides && Math.max(...stride) > 1;
  return cellwise ? patchesByCells(x, geometry, tables) : patchesByPixels(x, geometry, tables);
}

function patchesByPixels(x: Tensor, geometry: Geometry, tables: Tables): Patches {
  const [batch, height, width, channels] = x.shape;
  const { kernel, windows } = geometry;
  const length = sizeOf(kernel) * channels;
  const pixels = x.reshape(batch, height * width, channels);
  const rows = gatherRows(pixels, keyOf('pixels', geometry), tables, () => pixelsOfWindows(geometry));
  return {
    rows: rows.reshape(batch * sizeOf(windows), length),
    arrange: (filter) => filter.reshape(-1, length),
    restore: (matrix) => matrix.reshape(-1, ...kernel, channels),
  };
}

/** In two gathers: the pixels of each cell, then the cells under each window. */
function patchesByCells(x: Tensor, geometry: Geometry, tables: Tables): Patches {
  const [batch, height, width, channels] = x.shape;
  const { stride, kernel, windows } = geometry;
  const cells = cellsOf(geometry);
  const [taps, pixels] = [cells.taps, sizeOf(stride)];
  const length = sizeOf(kernel) * channels;
  const whole = gatherRows(x.reshape(batch, height * width, channels), keyOf('cells', geometry), tables, () =>
    pixelsOfCells(geometry, cells),
  ).reshape(batch, sizeOf(cells.count), pixels * channels);
  const rows = gatherRows(whole, keyOf('cells of windows', geometry), tables, () => cellsOfWindows(geometry, cells));
  return {
    rows: rows.reshape(batch * sizeOf(windows), length),
    arrange: (filter) => byCells(filter, geometry, cells).reshape(-1, length),
    restore: (matrix) =>
      matrix
        .reshape(-1, ...taps, ...stride, channels)
        .transpose(0, 1, 3, 2, 4, 5)
        .reshape(-1, ...kernel, channels),
  };
}

/**
 * Whether a convolution makes so few channels of many that it is gathered after the product: what is gathered are then
 * `made` values a tap, not `read`. The last layer of a residual decoder, 32 channels to 3, took 45 ms to gather, of 80.
 */
const makesFew = (read: number, made: number, taps: number): boolean => taps > 1 && 2 * made <= read;

/**
 * Products of each place with each tap, [N, P·T, V], added up where they belong: [N, R, V]. The table [R, T] says from
 * which place a tap's product comes, and `outside` where from none.
 */
function overlapAdd(products: Tensor, taps: number, key: string, tables: Tables, make: () => Int32Array): Tensor {
  const [batch, rows, values] = products.shape;
  const outside = rows / taps;
  const gathered = gatherRows(products, key, tables, () =>
    make().map((place, i) => place * taps + (place === outside ? 0 : i % taps)),
  );
  return gathered.reshape(batch, -1, taps, values).sum(2);
}

const isUnit = (stride: Pair): boolean => stride.every((step) => step === 1);

/** (x [N, H, W, C], filter [O, KH, KW, C]) → [N, H′, W′, O] */
export function convolve(x: Tensor, filter: Tensor, geometry: Geometry, tables: Tables): Tensor {
  const [outputs, channels, taps] = [filter.shape[0], x.shape[3], sizeOf(geometry.kernel)];
  if (isUnit(geometry.stride) && makesFew(channels, outputs, taps)) {
    const matrix = filter.transpose(1, 2, 0, 3).reshape(taps * outputs, channels);
    const products = x.reshape(-1, channels).matmul(matrix, { transposeB: true }).reshape(x.shape[0], -1, outputs);
    return overlapAdd(products, taps, keyOf('pixels of products', geometry), tables, () =>
      pixelsOfWindows(geometry),
    ).reshape(x.shape[0], ...geometry.windows, outputs);
  }
  const { rows, arrange } = patchesOf(x, geometry, tables);
  return rows.matmul(arrange(filter), { transposeB: true }).reshape(x.shape[0], ...geometry.windows, filter.shape[0]);
}

/**
 * (x [N, H, W, C], y [N, H′, W′, O]) → [O, KH, KW, C], from the patches that `convolve` gathers.
 *
 * The outputs are the product's columns where they are many: 5.0 ms against 6.2 for 512 taps × 64 outputs over 6,272
 * windows, and 7.2 against 10.4 the other way round for 72 × 8 over 131,072.
 */
export function convolveFilter(x: Tensor, y: Tensor, geometry: Geometry, tables: Tables): Tensor {
  const [channels, taps] = [x.shape[3], sizeOf(geometry.kernel)];
  if (isUnit(geometry.stride) && makesFew(channels, y.shape[3], taps)) return filterByPixels(x, y, geometry, tables);
  const { rows, restore } = patchesOf(x, geometry, tables);
  const outputs = y.shape[3];
  const errors = y.reshape(rows.shape[0], outputs);
  const matrix =
    outputs < tables.wide
      ? errors.matmul(rows, { transposeA: true })
      : rows.matmul(errors, { transposeA: true }).transpose(1, 0);
  return restore(matrix);
}

/** The same from the windows around each pixel, at a stride of 1. */
function filterByPixels(x: Tensor, y: Tensor, geometry: Geometry, tables: Tables): Tensor {
  const [batch, height, width, channels] = x.shape;
  const [outputs, taps] = [y.shape[3], sizeOf(geometry.kernel)];
  const windows = y.reshape(batch, sizeOf(geometry.windows), outputs);
  const around = gatherRows(windows, keyOf('windows of pixels', geometry), tables, () => windowsOfPixels(geometry));
  return around
    .reshape(batch * height * width, taps * outputs)
    .matmul(x.reshape(-1, channels), { transposeA: true })
    .reshape(...geometry.kernel, outputs, channels)
    .transpose(2, 0, 1, 3);
}

/**
 * (y [N, H′, W′, O], filter [O, KH, KW, C]) → [N, H, W, C].
 *
 * All pixels of a cell of stride × stride are reached by the same windows, so each cell is one row of a product, whose
 * columns are its pixels; a last gather puts them where they belong. For a kernel of 4 and a stride of 2 that is four
 * windows a cell, and no product is wasted.
 */
export function convolveTransposed(y: Tensor, filter: Tensor, geometry: Geometry, tables: Tables): Tensor {
  const [batch, height, width, outputs] = y.shape;
  const cells = cellsOf(geometry);
  const [cellCount, taps] = [sizeOf(cells.count), sizeOf(cells.taps)];
  const channels = filter.shape[3];
  const values = sizeOf(geometry.stride) * channels;
  const windows = y.reshape(batch, height * width, outputs);
  const table = () => windowsOfCells(geometry, cells);
  const matrix = byCells(filter, geometry, cells);

  const byCell = () => {
    const near = gatherRows(windows, keyOf('windows', geometry), tables, table);
    return near
      .reshape(batch * cellCount, taps * outputs)
      .matmul(matrix.transpose(1, 2, 0, 3, 4, 5).reshape(taps * outputs, values));
  };
  const byWindow = () => {
    const products = windows.reshape(-1, outputs).matmul(matrix.reshape(outputs, taps * values));
    return overlapAdd(products.reshape(batch, -1, values), taps, keyOf('windows of products', geometry), tables, table);
  };
  const pixels = makesFew(outputs, values, taps) ? byWindow() : byCell();
  const placed = gatherRows(pixels.reshape(batch, -1, channels), keyOf('places', geometry), tables, () =>
    placesOfPixels(geometry, cells),
  );
  return placed.reshape(batch, ...geometry.image, channels);
}

/** filter [O, KH, KW, C] → [O, TH, TW, SH, SW, C]: taps of cells, pixels of a cell; zero where there is no tap. */
function byCells(filter: Tensor, { stride }: Geometry, { taps }: Cells): Tensor {
  const [outputs, height, width, channels] = filter.shape;
  const rest = [taps[0] * stride[0] - height, taps[1] * stride[1] - width];
  const whole = operation('pad', [filter], { before: [0, 0, 0, 0], after: [0, ...rest, 0] });
  return whole.reshape(outputs, taps[0], stride[0], taps[1], stride[1], channels).transpose(0, 1, 3, 2, 4, 5);
}
