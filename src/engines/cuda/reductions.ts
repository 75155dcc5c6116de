/** Reductions as CUDA C: what is kept while values are folded in, how two such are joined, and what comes out. */

import type { PrimitiveOf } from '../../tensor/primitives.ts';

/** One row of the table. The code is of variables named `name0`, `name1`, ... */
interface Folding {
  /** Values at the start, one a variable. */
  readonly initial: readonly string[];
  readonly add: (into: readonly string[], x: string) => string;
  readonly merge: (into: readonly string[], other: readonly string[]) => string;
  readonly result: (from: readonly string[]) => string;
}

const NEGATIVE_INFINITY = '__int_as_float(0xff800000)';

export const foldings: { readonly [R in PrimitiveOf<'reduction'>]: Folding } = {
  sum: {
    initial: ['0.0f'],
    add: ([sum], x) => `${sum} += ${x};`,
    merge: ([sum], [other]) => `${sum} += ${other};`,
    result: ([sum]) => sum,
  },
  max: {
    initial: [NEGATIVE_INFINITY],
    add: ([max], x) => `${max} = larger(${max}, ${x});`,
    merge: ([max], [other]) => `${max} = larger(${max}, ${other});`,
    result: ([max]) => max,
  },
  // The largest value m so far, and Σ e^(x − m).
  logSumExp: {
    initial: [NEGATIVE_INFINITY, '0.0f'],
    add: ([max, sum], x) => `fold(${max}, ${sum}, ${x}, 1.0f);`,
    merge: ([max, sum], [otherMax, otherSum]) => `fold(${max}, ${sum}, ${otherMax}, ${otherSum});`,
    result: ([max, sum]) => `${max} + logf(${sum})`,
  },
};

/** Functions that the table uses. NaN stays NaN; infinities are what they are in the limit. */
export const reductionSource = `
__device__ static float larger(float a, float b) { return a > b || a != a ? a : b; }

/* Adds \`weight\` times e^x to sum times e^max. */
__device__ static void fold(float& max, float& sum, float x, float weight) {
  if (x > max) {
    sum = sum * expf(max - x) + weight;
    max = x;
  } else if (weight != 0.0f && x != __int_as_float(0xff800000)) {
    sum += weight * (x == max ? 1.0f : expf(x - max));
  }
}
`;
