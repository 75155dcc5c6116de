/** C as a dialect: the functions are those of c/functions.h, which compilers vectorise. */

import type { Dialect } from '../compiled/dialect.ts';

export const c: Dialect = {
  functions: {
    exp: (x) => `vae_exp(${x})`,
    log: (x) => `vae_log(${x})`,
    sqrt: (x) => `__builtin_sqrtf(${x})`,
    abs: (x) => `__builtin_fabsf(${x})`,
    elu: (x) => `vae_elu(${x})`,
    sigmoid: (x) => `vae_sigmoid(${x})`,
    tanh: (x) => `vae_tanh(${x})`,
    softplus: (x) => `vae_softplus(${x})`,
  },
  nan: '__builtin_nanf("")',
  infinity: '__builtin_inff()',
  negativeInfinity: '(-__builtin_inff())',
};
