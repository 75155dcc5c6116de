/** Gradients kept from being too long. */

import { constant, type Operand, type Tensor } from '../tensor/tensor.ts';

/** √ Σ g², over all values of all tensors: a scalar. */
export const globalNorm = (gradients: readonly Tensor[]): Tensor =>
  gradients
    .map((gradient) => gradient.square().sum())
    .reduce((total, square) => total.add(square), constant(0))
    .sqrt();

/**
 * Gradients of one direction with a global norm of at most `limit`: Pascanu et al. (2013), algorithm 1, in PyTorch's form:
 *   g ← g · min(1, limit / (norm + 10⁻⁶)).
 * `norm` is that of the gradients as they were given.
 */
export function clipByNorm(
  gradients: readonly Tensor[],
  limit: Operand,
): { readonly gradients: Tensor[]; readonly norm: Tensor } {
  const norm = globalNorm(gradients);
  const ratio = (typeof limit === 'number' ? constant(limit) : limit).div(norm.add(1e-6));
  const scale = ratio.less(1).where(ratio, 1);
  return { gradients: gradients.map((gradient) => gradient.mul(scale)), norm };
}
