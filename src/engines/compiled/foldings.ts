/** Reductions as C: what is kept while values are folded in, how two such are joined, and what comes out. */

import type { PrimitiveOf } from '../../tensor/primitives.ts';
import type { Dialect } from './dialect.ts';

/** One row of the table. The code is of variables named `name0`, `name1`, ... */
interface Folding {
  /** Values at the start, one a variable. */
  readonly initial: (dialect: Dialect) => readonly string[];
  readonly add: (into: readonly string[], x: string) => string;
  readonly merge: (into: readonly string[], other: readonly string[]) => string;
  readonly result: (from: readonly string[], dialect: Dialect) => string;
}

/** Targets bring the functions `larger` and `fold`. */
export const foldings: { readonly [R in PrimitiveOf<'reduction'>]: Folding } = {
  sum: {
    initial: () => ['0.0f'],
    add: ([sum], x) => `${sum} += ${x};`,
    merge: ([sum], [other]) => `${sum} += ${other};`,
    result: ([sum]) => sum,
  },
  max: {
    initial: ({ negativeInfinity }) => [negativeInfinity],
    add: ([max], x) => `${max} = larger(${max}, ${x});`,
    merge: ([max], [other]) => `${max} = larger(${max}, ${other});`,
    result: ([max]) => max,
  },
  // The largest value m so far, and Σ e^(x − m).
  logSumExp: {
    initial: ({ negativeInfinity }) => [negativeInfinity, '0.0f'],
    add: ([max, sum], x) => `fold(${max}, ${sum}, ${x}, 1.0f);`,
    merge: ([max, sum], [otherMax, otherSum]) => `fold(${max}, ${sum}, ${otherMax}, ${otherSum});`,
    result: ([max, sum], { functions }) => `${max} + ${functions.log(sum)}`,
  },
};
