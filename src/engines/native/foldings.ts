/** Reductions as C that compilers vectorise: what is folded in a first pass over the values, and what in a second. */

import type { PrimitiveOf } from '../../tensor/primitives.ts';
import type { Dialect } from '../compiled/dialect.ts';

type Code = (into: readonly string[], x: string) => string[];

interface Folding {
  /** Values at the start, one a variable. */
  readonly initial: readonly string[];
  readonly add: Code;
  /** What has been added once it all lies side by side, where that is faster than adding one by one. */
  readonly ofRow?: (values: string, count: number) => string;
  /** What a loop over reduced values tells the compiler of its variables. */
  readonly clause: (names: readonly string[]) => string;
  /** What becomes of the variables between the passes, where there is a second one. */
  readonly between?: (names: readonly string[]) => string[];
  readonly addSecond?: Code;
  readonly clauseSecond?: (names: readonly string[]) => string;
  readonly merge: (into: readonly string[], other: readonly string[]) => string[];
  readonly result: (from: readonly string[], dialect: Dialect) => string;
}

const LEAST = '(-__builtin_inff())';

/** e^(x − shift), where the shift is the largest value, or 0 where that is infinite. */
export const foldings: { readonly [R in PrimitiveOf<'reduction'>]: Folding } = {
  sum: {
    initial: ['0.0f'],
    add: ([sum], x) => [`${sum} += ${x};`],
    ofRow: (values, count) => `vae_row_sum(${values}, ${count})`,
    clause: ([sum]) => `+:${sum}`,
    merge: ([sum], [other]) => [`${sum} += ${other};`],
    result: ([sum]) => sum,
  },
  max: {
    initial: [LEAST],
    add: ([max], x) => [`${max} = larger(${max}, ${x});`],
    clause: ([max]) => `larger:${max}`,
    merge: ([max], [other]) => [`${max} = larger(${max}, ${other});`],
    result: ([max]) => max,
  },
  // The largest value m, and then Σ e^(x − m).
  logSumExp: {
    initial: [LEAST, '0.0f'],
    add: ([max], x) => [`${max} = larger(${max}, ${x});`],
    clause: ([max]) => `larger:${max}`,
    between: () => ['(void)0;'],
    addSecond: ([max, sum], x) => [`${sum} += vae_exp(${x} - finite_or_zero(${max}));`],
    clauseSecond: ([, sum]) => `+:${sum}`,
    merge: ([max, sum], [otherMax, otherSum]) => [
      '{',
      `const float both = larger(${max}, ${otherMax}), shift = finite_or_zero(both);`,
      `${sum} = part_of(${sum}, ${max}, shift) + part_of(${otherSum}, ${otherMax}, shift);`,
      `${max} = both;`,
      '}',
    ],
    result: ([max, sum], { functions }) => `finite_or_zero(${max}) + ${functions.log(sum)}`,
  },
};

/** Functions that the table uses. NaN stays NaN; infinities are what they are in the limit. */
export const foldingSource = `
VAE_INLINE float larger(float a, float b) { return a > b || a != a ? a : b; }
#pragma omp declare reduction(larger : float : omp_out = larger(omp_out, omp_in)) \\
    initializer(omp_priv = -__builtin_inff())
VAE_INLINE float finite_or_zero(float x) { return __builtin_fabsf(x) < __builtin_inff() || x != x ? x : 0.0f; }

/* Sums e^(x − a's shift) as sums e^(x − shift). */
VAE_INLINE float part_of(float sum, float a, float shift) { return sum == 0.0f ? 0.0f : sum * vae_exp(finite_or_zero(a) - shift); }
`;
