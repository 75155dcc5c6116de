/** How the loops of a reduction lie, and how they are shared out and cut into pieces. */

import { stridesOf } from '../../tensor/shape.ts';
import type { ReduceGroup } from '../compiled/fusion.ts';
import { type Axis, LEAST_INNER, refined, sizeOfAxes } from './nest.ts';
import { tasksFor } from './steps.ts';

/** How a group's loops lie. */
export interface Loops {
  /** Whether the innermost loop runs over reduced values, or else over results. */
  readonly isReduced: boolean;
  /** The axes outside the innermost loop: of results, and of what is folded into each. */
  readonly results: readonly Axis[];
  readonly reduced: readonly Axis[];
  /** The innermost loop; undefined where results are too scattered to be neighbours: then it runs over all of them. */
  readonly inner: Axis | undefined;
}

/** Results of one row that are folded at once. */
export const BLOCK = 512;

export const resultsOf = ({ reductions }: Pick<ReduceGroup, 'reductions'>): number => reductions[0].size;

/** @param cuts where expressions divide positions of the domain. */
export function loopsOf(group: ReduceGroup, cuts: readonly number[]): Loops {
  const { domain, axes } = group;
  const strides = stridesOf(domain);
  const parts = domain.map((n, axis) => refined({ size: n, stride: strides[axis] }, cuts));
  const isReduced = axes.includes(domain.length - 1);
  const last = parts.at(-1) ?? [];
  const innermost = last.at(-1);
  const of = (wanted: boolean): Axis[] => parts.flatMap((list, axis) => (axes.includes(axis) === wanted ? list : []));
  const [results, reduced] = [of(false), of(true)];
  const own = isReduced ? reduced : results;
  if (innermost === undefined || (innermost.size < LEAST_INNER && resultsOf(group) > 1)) {
    return { isReduced: false, results, reduced, inner: undefined };
  }
  own.pop();
  return { isReduced, results, reduced, inner: innermost };
}

export interface Shares {
  /** Results, or rows of results, of one task. */
  readonly rows: number;
  readonly shares: number;
  /** Pieces that what is folded into a result is cut into. */
  readonly pieces: number;
  /** Of the outer reduced axes, or of the innermost loop where there are none. */
  readonly pieceLength: number;
}

/** What the rows of results are: blocks of the innermost loop, or results. */
export function rowsOf({ isReduced, results, inner }: Loops, group: ReduceGroup): number {
  if (isReduced) return resultsOf(group);
  if (inner === undefined) return Math.ceil(resultsOf(group) / BLOCK);
  return sizeOfAxes(results) * Math.ceil(inner.size / BLOCK);
}

const ENOUGH_TASKS = 8;
/** Reduced values that a piece has at least, of the innermost loop. */
const LEAST_PIECE = 1024;

export function sharesOf(loops: Loops, group: ReduceGroup): Shares {
  const wanted = tasksFor(group.domain.reduce((product, n) => product * n, 1));
  const rows = rowsOf(loops, group);
  const outer = sizeOfAxes(loops.reduced);
  const length = loops.isReduced && outer === 1 ? loops.inner!.size : outer;
  const least = loops.isReduced && outer === 1 ? LEAST_PIECE : 1;
  const each = Math.ceil(rows / Math.min(rows, wanted));
  const shares = Math.ceil(rows / each);
  const most = shares >= Math.min(wanted, ENOUGH_TASKS) ? 1 : Math.ceil(wanted / shares);
  const pieceLength = Math.max(least, Math.ceil(length / most));
  return { rows: each, shares, pieces: Math.max(1, Math.ceil(length / pieceLength)), pieceLength };
}
