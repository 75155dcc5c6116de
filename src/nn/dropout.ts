/** Dropout: Srivastava et al. (2014), inverted, so that evaluation is the identity. */

import { noise } from '../tensor/tensor.ts';
import type { LayerBuilder } from './layer.ts';

/** In training each value is zero with probability `rate`, else divided by 1 − rate. 0 ≤ rate < 1. */
export const dropout =
  (rate: number): LayerBuilder =>
  (name) => ({
    parameters: [],
    pytorch: `Dropout(p=${rate}, inplace=False)`,
    apply: (x, mode) => {
      if (mode === 'evaluation' || rate === 0) return x;
      const kept = noise(`dropout ${name}`, { kind: 'bernoulli', probability: 1 - rate }, x.shape);
      return x.mul(kept).mul(1 / (1 - rate));
    },
  });
