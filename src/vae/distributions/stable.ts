/** Logarithms of differences that cancel where they are written as they stand. */

import type { Tensor } from '../../tensor/tensor.ts';

/** Below this the series is exact to 32 bits; above it the direct form loses nothing. */
const SERIES_BELOW = 0.5;

/** log(sinh h / h) = h²/6 − h⁴/180 + h⁶/2835 − …, for |h| ≤ ¼. */
function logSinhcSeries(h: Tensor): Tensor {
  const squared = h.square();
  return squared.mul(squared.mul(squared.mul(1 / 2835).add(-1 / 180)).add(1 / 6));
}

/** Both branches of a condition are computed, and so are their derivatives: neither may be infinite where it is unused. */
function piecewise(x: Tensor, series: (x: Tensor) => Tensor, direct: (x: Tensor) => Tensor): Tensor {
  const small = x.less(SERIES_BELOW);
  return small.where(series(small.where(x, SERIES_BELOW)), direct(small.where(SERIES_BELOW, x)));
}

/**
 * log(1 − e^−t) for t > 0, as log(2T / (1 + T)) with T = tanh(t/2): nothing is subtracted, so no digits are lost where t
 * is small.
 */
export function log1mexp(t: Tensor): Tensor {
  const half = t.mul(0.5).tanh();
  return half.mul(2).div(half.add(1)).log();
}

/** log(sinh h / h), an even function, 0 at 0. */
export const logSinhc = (h: Tensor): Tensor =>
  piecewise(
    h.abs().mul(2),
    (x) => logSinhcSeries(x.mul(0.5)),
    (x) => x.mul(0.5).add(x.neg().exp().neg().add(1).log()).sub(x.log()),
  );

/** log σ(x) = −log(1 + e^−x) */
export const logSigmoid = (x: Tensor): Tensor => x.neg().softplus().neg();
