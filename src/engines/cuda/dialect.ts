/** CUDA C as a dialect. */

import type { Dialect } from '../compiled/dialect.ts';

export const cuda: Dialect = {
  functions: {
    exp: (x) => `expf(${x})`,
    log: (x) => `logf(${x})`,
    sqrt: (x) => `sqrtf(${x})`,
    abs: (x) => `fabsf(${x})`,
    elu: (x) => `(${x} > 0.0f ? ${x} : expm1f(${x}))`,
    // e^−x overflows to infinity for x < −88, whose inverse is the zero that 32 bits have for the result.
    sigmoid: (x) => `1.0f / (1.0f + expf(-${x}))`,
    tanh: (x) => `tanhf(${x})`,
    // log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)
    softplus: (x) => `(${x} < 0.0f ? 0.0f : ${x}) + log1pf(expf(-fabsf(${x})))`,
  },
  nan: '__int_as_float(0x7fc00000)',
  infinity: '__int_as_float(0x7f800000)',
  negativeInfinity: '__int_as_float(0xff800000)',
};

/** Functions that foldings use. NaN stays NaN; infinities are what they are in the limit. */
export const foldingSource = `
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
