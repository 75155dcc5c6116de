/** Left factors of products whose rows are windows of images: a product can read them through the table that gathers them. */

import { attributesOf, type NodeOf, type Tensor } from '../../tensor/tensor.ts';
import { core } from './core.ts';

/**
 * A matrix [images · windows, taps · length]: tap t of a window is `length` neighbours of its image, those at the row that
 * the table [windows · taps] names, or zeros where it names the row behind the last.
 */
export interface Windows {
  /** [images, rows, length] */
  readonly image: Tensor;
  readonly table: Tensor;
  readonly rows: number;
  readonly length: number;
  readonly taps: number;
  /** Windows of one image. */
  readonly windows: number;
}

/** Shorter pieces of rows are not worth to be looked up one by one. */
const LEAST_LENGTH = 16;

/** The windows that a matrix is made of, if it is. */
export function windowsOf(matrix: Tensor): Windows | undefined {
  const gathered = core(matrix);
  if (gathered.primitive !== 'gather' || matrix.rank !== 2 || gathered.rank !== 3) return undefined;
  const [padded, table] = gathered.inputs;
  const { axis } = attributesOf(gathered as NodeOf<'gather'>, 'gather');
  const [, count, length] = gathered.shape;
  if (axis !== 1 || table.primitive !== 'constant' || table.rank !== 1 || length < LEAST_LENGTH) return undefined;
  const taps = matrix.shape[1] / length;
  if (!Number.isInteger(taps) || count % taps !== 0) return undefined;
  const image = withoutLastRow(padded);
  if (image === undefined) return undefined;
  return { image: core(image), table, rows: image.shape[1], length, taps, windows: count / taps };
}

/** What a row of zeros was added to, or the tensor itself where none was. */
function withoutLastRow(padded: Tensor): Tensor | undefined {
  if (padded.primitive !== 'pad') return padded;
  const { before, after } = attributesOf(padded as NodeOf<'pad'>, 'pad');
  const isOneRow = before.every((n) => n === 0) && after.every((n, axis) => n === (axis === 1 ? 1 : 0));
  return isOneRow ? padded.inputs[0] : undefined;
}
