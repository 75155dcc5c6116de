/**
 * The closed list of primitives: what each is called, what attributes it carries, of which kind it is.
 *
 * Derivatives of primitives are written in primitives (`gradients.ts`), so an engine implements this list and no more.
 * Every table over the list is an exhaustive record: a new primitive is a compile error until each table has its row.
 */

import type { NoiseDistribution } from '../random/random.ts';
import type { Shape } from './shape.ts';

/** `float` is the engine's working precision: 64 bits in `reference`, 32 elsewhere. */
export type DType = 'float' | 'int32' | 'uint8' | 'bool';

export type NumericArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Where the value of an input comes from. */
export type Source =
  /** Handed over anew at each call. */
  | { readonly kind: 'argument'; readonly name: string }
  /** Stays with the engine from call to call and never changes. */
  | { readonly kind: 'data'; readonly name: string }
  /** Stays with the engine and is changed by a program's update. */
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'noise'; readonly stream: string; readonly distribution: NoiseDistribution };

type None = Readonly<Record<never, never>>;
type Reduction = { readonly axes: readonly number[]; readonly keep: boolean };
export type Pair = readonly [number, number];
export type Window = { readonly stride: Pair; readonly padding: Pair };

/** The attributes of each primitive. Its keys are the list. */
export interface Attributes {
  // Leaves
  constant: { readonly values: NumericArray };
  input: { readonly source: Source };
  // Elementwise, one argument
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  abs: None;
  /** −1, 0 or 1. */
  sign: None;
  relu: None;
  /** 1 where x > 0, else 0. */
  step: None;
  /** x where x > 0, else eˣ − 1. */
  elu: None;
  sigmoid: None;
  tanh: None;
  /** log(1 + eˣ). */
  softplus: None;
  /** Identity whose derivative is zero. */
  stopGradient: None;
  cast: { readonly dtype: DType };
  // Elementwise with broadcasting
  add: None;
  sub: None;
  mul: None;
  div: None;
  less: None;
  equal: None;
  /** (condition, a, b): a where the condition holds, else b. */
  where: None;
  // Products
  /** [M, K] × [K, N] → [M, N], either operand read transposed on request. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  /** (x [N, C, H, W], filter [O, C, KH, KW]) → [N, O, H′, W′]: cross-correlation, as in every deep learning library. */
  convolve: Window;
  /** (y [N, O, H′, W′], filter [O, C, KH, KW]) → [N, C, ...size]: the adjoint of `convolve` in x. */
  convolveTransposed: Window & { readonly size: Pair };
  /** (x [N, C, H, W], y [N, O, H′, W′]) → [O, C, ...kernel]: the adjoint of `convolve` in its filter. */
  convolveFilter: Window & { readonly kernel: Pair };
  // Indexing
  /** (x, indices int32): x's `axis` replaced by the axes of the indices. Indices must lie in range. */
  gather: { readonly axis: number };
  /** (y, indices int32): the adjoint of `gather`: adds each slice of y into a zero tensor with `length` along `axis`. */
  scatterAdd: { readonly axis: number; readonly length: number };
  // Reductions
  sum: Reduction;
  max: Reduction;
  /** log Σ exp, shifted by the maximum. */
  logSumExp: Reduction;
  // Arrangement
  reshape: { readonly shape: Shape };
  transpose: { readonly permutation: readonly number[] };
  broadcast: { readonly shape: Shape };
  slice: { readonly starts: readonly number[]; readonly ends: readonly number[] };
  /** Zeros before and after, per axis. */
  pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  concat: { readonly axis: number };
}

export type Primitive = keyof Attributes;

/** What a primitive does with its operands' values, and so what may be done with it. */
export type Kind =
  /** Has no operands. */
  | 'leaf'
  /** One value per position of its broadcast operands, a function of theirs at that position. */
  | 'elementwise'
  /** Sums of products of two operands. */
  | 'product'
  /** Moves or adds up slices at positions that are themselves an operand. */
  | 'indexing'
  /** Folds the values along axes into one. */
  | 'reduction'
  /** Moves, repeats, cuts or joins values without changing them. */
  | 'arrangement';

export const kinds = {
  constant: 'leaf',
  input: 'leaf',
  neg: 'elementwise',
  exp: 'elementwise',
  log: 'elementwise',
  sqrt: 'elementwise',
  abs: 'elementwise',
  sign: 'elementwise',
  relu: 'elementwise',
  step: 'elementwise',
  elu: 'elementwise',
  sigmoid: 'elementwise',
  tanh: 'elementwise',
  softplus: 'elementwise',
  stopGradient: 'elementwise',
  cast: 'elementwise',
  add: 'elementwise',
  sub: 'elementwise',
  mul: 'elementwise',
  div: 'elementwise',
  less: 'elementwise',
  equal: 'elementwise',
  where: 'elementwise',
  matmul: 'product',
  convolve: 'product',
  convolveTransposed: 'product',
  convolveFilter: 'product',
  gather: 'indexing',
  scatterAdd: 'indexing',
  sum: 'reduction',
  max: 'reduction',
  logSumExp: 'reduction',
  reshape: 'arrangement',
  transpose: 'arrangement',
  broadcast: 'arrangement',
  slice: 'arrangement',
  pad: 'arrangement',
  concat: 'arrangement',
} as const satisfies { readonly [P in Primitive]: Kind };

/** The primitives of a kind: `PrimitiveOf<'reduction'>` is `'sum' | 'max' | 'logSumExp'`. */
export type PrimitiveOf<K extends Kind> = { [P in Primitive]: (typeof kinds)[P] extends K ? P : never }[Primitive];

export const isKind = <K extends Kind>(primitive: Primitive, kind: K): primitive is PrimitiveOf<K> =>
  kinds[primitive] === kind;

/** What a value is, without how it is computed. */
export interface Type {
  readonly shape: Shape;
  readonly dtype: DType;
}
