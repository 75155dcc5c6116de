/** What differs between the languages that targets compile: C's operators are the same in all, its functions are not. */

import type { PrimitiveOf } from '../../tensor/primitives.ts';

/** Elementwise primitives that no operator of C computes. */
type Function = Extract<
  PrimitiveOf<'elementwise'>,
  'exp' | 'log' | 'sqrt' | 'abs' | 'elu' | 'sigmoid' | 'tanh' | 'softplus'
>;

export interface Dialect {
  /** The value, from the operand's name, which may be used more than once. NaN stays NaN. */
  readonly functions: { readonly [F in Function]: (x: string) => string };
  readonly nan: string;
  readonly infinity: string;
  readonly negativeInfinity: string;
}
