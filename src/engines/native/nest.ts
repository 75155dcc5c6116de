/** Loops over positions: cut where expressions divide positions, so that none needs to be divided. */

import { Block } from '../compiled/emitter.ts';
import { Affine } from './affine.ts';

/** Loops shorter than this leave most of a vector empty: positions are divided instead. */
export const LEAST_INNER = 16;

/** An axis of positions: its values lie `stride` apart. */
export interface Axis {
  readonly size: number;
  readonly stride: number;
}

/**
 * Where to cut loops over `size` positions: ascending multiples of each other.
 * @param emit emits what is computed at position `linear`.
 */
export function cutsOf(size: number, emit: (block: Block, linear: string) => void): number[] {
  const affine = new Affine('i');
  affine.declare('i', size);
  emit(new Block(undefined, affine), 'i');
  const cuts: number[] = [];
  for (const cut of [...affine.cuts].sort((a, b) => a - b)) {
    if (cut >= LEAST_INNER && cut < size && size % cut === 0 && cut % (cuts.at(-1) ?? 1) === 0) cuts.push(cut);
  }
  return cuts;
}

/** An axis as several, the outermost first. */
export function refined({ size, stride }: Axis, cuts: readonly number[]): Axis[] {
  const end = size * stride;
  const inside = cuts.filter((cut) => cut > stride && cut < end && cut % stride === 0 && end % cut === 0);
  const bounds = [stride, ...inside, end];
  return bounds
    .slice(1)
    .map((bound, i) => ({ size: bound / bounds[i], stride: bounds[i] }))
    .reverse();
}

export const sizeOfAxes = (axes: readonly Axis[]): number => axes.reduce((product, { size }) => product * size, 1);

/** Σ of named multiples. */
export const sumOf = (terms: readonly string[]): string => (terms.length === 0 ? '0' : terms.join(' + '));
export const multiple = (name: string, stride: number): string => (stride === 1 ? name : `${name} * ${stride}`);

/** Defines the coordinates of number `count` in these axes, and returns the terms of the position. */
export function defineCoordinates(
  block: Block,
  affine: Affine,
  prefix: string,
  axes: readonly Axis[],
  count: string,
): string[] {
  let behind = sizeOfAxes(axes);
  return axes.flatMap(({ size, stride }, i) => {
    behind /= size;
    if (size === 1) return [];
    const name = `${prefix}${i}`;
    const quotient = behind === 1 ? count : `${count} / ${behind}`;
    block.lines.push(`const int ${name} = ${i === 0 ? quotient : `${quotient} % ${size}`};`);
    affine.declare(name, size);
    return [multiple(name, stride)];
  });
}

/**
 * Defines the coordinates of row `o` of a matrix, and returns the terms of the position of its first value.
 * @param cuts where expressions divide positions.
 */
export function defineRow(
  block: Block,
  affine: Affine,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  cuts: readonly number[],
): string[] {
  const axes = refined({ size: rows, stride: columns }, cuts);
  const ofRows = axes.map(({ size, stride }) => ({ size, stride: stride / columns }));
  affine.note('o', sumOf(defineCoordinates(block, affine, 'x', ofRows, 'o')));
  return [multiple('o', columns)];
}

export const IVDEP = '#pragma GCC ivdep';
