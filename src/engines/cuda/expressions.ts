/** Elementwise primitives as CUDA C expressions: one row each. */

import type { DType, PrimitiveOf } from '../../tensor/primitives.ts';

interface Expression {
  /** The value, from names of the operands. A name may be used more than once. */
  readonly code: (operands: readonly string[], dtype: DType) => string;
  /** Its rough cost in additions, for the choice between computing a value again and keeping it. */
  readonly cost: number;
}

const CHEAP = 1;
const DIVISION = 8;
const TRANSCENDENTAL = 16;

const unary = (code: (x: string) => string, cost: number): Expression => ({ code: ([x]) => code(x), cost });
const infix = (operator: string, cost: number): Expression => ({ code: ([a, b]) => `${a} ${operator} ${b}`, cost });

/** NaN stays NaN in each of them, so that a loss that is no number is seen. */
export const expressions: { readonly [P in PrimitiveOf<'elementwise'>]: Expression } = {
  neg: unary((x) => `-${x}`, CHEAP),
  exp: unary((x) => `expf(${x})`, TRANSCENDENTAL),
  log: unary((x) => `logf(${x})`, TRANSCENDENTAL),
  sqrt: unary((x) => `sqrtf(${x})`, DIVISION),
  abs: unary((x) => `fabsf(${x})`, CHEAP),
  sign: unary((x) => `(${x} > 0.0f ? 1.0f : ${x} < 0.0f ? -1.0f : ${x})`, CHEAP),
  relu: unary((x) => `(${x} < 0.0f ? 0.0f : ${x})`, CHEAP),
  step: unary((x) => `(${x} > 0.0f ? 1.0f : 0.0f)`, CHEAP),
  elu: unary((x) => `(${x} > 0.0f ? ${x} : expm1f(${x}))`, TRANSCENDENTAL),
  // e^−x overflows to infinity for x < −88, whose inverse is the zero that 32 bits have for the result.
  sigmoid: unary((x) => `1.0f / (1.0f + expf(-${x}))`, TRANSCENDENTAL + DIVISION),
  tanh: unary((x) => `tanhf(${x})`, TRANSCENDENTAL),
  // log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)
  softplus: unary((x) => `(${x} < 0.0f ? 0.0f : ${x}) + log1pf(expf(-fabsf(${x})))`, 2 * TRANSCENDENTAL),
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
export function literal(value: number, dtype: DType): string {
  if (dtype !== 'float') return dtype === 'bool' ? String(value !== 0) : `${value}`;
  const single = Math.fround(value);
  if (Number.isNaN(single)) return '__int_as_float(0x7fc00000)';
  if (!Number.isFinite(single)) return `__int_as_float(${single > 0 ? '0x7f800000' : '0xff800000'})`;
  const text = Object.is(single, -0) ? '-0' : String(single);
  const decimal = /[.e]/.test(text) ? text : `${text}.0`;
  return single < 0 || Object.is(single, -0) ? `(${decimal}f)` : `${decimal}f`;
}
