/** Elementwise primitives as C expressions: one row each. */

import type { DType, PrimitiveOf } from '../../tensor/primitives.ts';
import type { Dialect } from './dialect.ts';

interface Expression {
  /** The value, from names of the operands. A name may be used more than once. */
  readonly code: (operands: readonly string[], dtype: DType, dialect: Dialect) => string;
  /** Its rough cost in additions, for the choice between computing a value again and keeping it. */
  readonly cost: number;
}

const CHEAP = 1;
const DIVISION = 8;
const TRANSCENDENTAL = 16;

const unary = (code: (x: string) => string, cost: number): Expression => ({ code: ([x]) => code(x), cost });
const infix = (operator: string, cost: number): Expression => ({ code: ([a, b]) => `${a} ${operator} ${b}`, cost });
const named = (name: keyof Dialect['functions'], cost: number): Expression => ({
  code: ([x], _, { functions }) => functions[name](x),
  cost,
});

/** NaN stays NaN in each of them, so that a loss that is no number is seen. */
export const expressions: { readonly [P in PrimitiveOf<'elementwise'>]: Expression } = {
  neg: unary((x) => `-${x}`, CHEAP),
  exp: named('exp', TRANSCENDENTAL),
  log: named('log', TRANSCENDENTAL),
  sqrt: named('sqrt', DIVISION),
  abs: named('abs', CHEAP),
  sign: unary((x) => `(${x} > 0.0f ? 1.0f : ${x} < 0.0f ? -1.0f : ${x})`, CHEAP),
  relu: unary((x) => `(${x} < 0.0f ? 0.0f : ${x})`, CHEAP),
  step: unary((x) => `(${x} > 0.0f ? 1.0f : 0.0f)`, CHEAP),
  elu: named('elu', TRANSCENDENTAL),
  sigmoid: named('sigmoid', TRANSCENDENTAL + DIVISION),
  tanh: named('tanh', TRANSCENDENTAL),
  softplus: named('softplus', 2 * TRANSCENDENTAL),
  stopGradient: unary((x) => x, 0),
  cast: { code: ([x], dtype) => (dtype === 'bool' ? `${x} != 0` : `(${C_TYPES[dtype]})${x}`), cost: CHEAP },
  add: infix('+', CHEAP),
  sub: infix('-', CHEAP),
  mul: infix('*', CHEAP),
  div: infix('/', DIVISION),
  less: infix('<', CHEAP),
  equal: infix('==', CHEAP),
  where: { code: ([condition, a, b]) => `${condition} ? ${a} : ${b}`, cost: CHEAP },
};

/** A bool takes a byte, as on the host. */
export const C_TYPES: { readonly [D in DType]: string } = {
  float: 'float',
  int32: 'int',
  uint8: 'unsigned char',
  bool: 'bool',
};

export const BYTES: { readonly [D in DType]: number } = { float: 4, int32: 4, uint8: 1, bool: 1 };

/** A number as a literal of its type; the shortest decimal of a 32-bit float's value reads back as that float. */
export function literal(value: number, dtype: DType, { nan, infinity, negativeInfinity }: Dialect): string {
  if (dtype !== 'float') return dtype === 'bool' ? String(value !== 0) : `${value}`;
  const single = Math.fround(value);
  if (Number.isNaN(single)) return nan;
  if (!Number.isFinite(single)) return single > 0 ? infinity : negativeInfinity;
  const text = Object.is(single, -0) ? '-0' : String(single);
  const decimal = /[.e]/.test(text) ? text : `${text}.0`;
  return single < 0 || Object.is(single, -0) ? `(${decimal}f)` : `${decimal}f`;
}
