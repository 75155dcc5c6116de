/** Planar flows: Rezende & Mohamed (2015), section 4.1, with vectors that all images share. */

import { createParameter, initializers } from '../../nn/parameter.ts';
import { constant } from '../../tensor/tensor.ts';
import { type Flow, type FlowConfig, inSequence } from './flow.ts';

/** Added to ‖w‖², so that a flow whose w vanishes is the identity instead of 0/0; nothing to any other. */
const LEAST_NORM = 1e-12;
/** wᵀû is at least this far above −1, so that the logarithm is finite in 32 bits too. */
const MARGIN = 1e-3;

/**
 * f(z) = z + û tanh(wᵀz + b),  log |det ∂f/∂z| = log |1 + h′(wᵀz + b) wᵀû|
 * with û = u + (m(wᵀu) − wᵀu) w / ‖w‖² and m(a) = −1 + margin + softplus(a), so that wᵀû > −1 and f is invertible
 * (appendix A.1).
 */
function planarStep(name: string, latent: number): Flow {
  const { weight, bias } = initializers.pytorch;
  const u = createParameter(`${name}.u`, [latent], weight, [latent, latent]);
  const w = createParameter(`${name}.w`, [latent], weight, [latent, latent]);
  const b = createParameter(`${name}.b`, [1], bias, [latent, 1]);
  return {
    parameters: [u, w, b],
    contextSize: 0,
    apply: (z) => {
      const product = u.tensor.mul(w.tensor).sum(); // wᵀu
      const above = product.softplus().add(MARGIN); // 1 + wᵀû
      const correction = above.sub(1).sub(product).div(w.tensor.square().sum().add(LEAST_NORM));
      const direction = u.tensor.add(w.tensor.mul(correction)); // û
      const hidden = z.mul(w.tensor).sum(-1).add(b.tensor).tanh(); // [S, B]
      const squared = hidden.square();
      return {
        z: z.add(direction.mul(hidden.reshape(...hidden.shape, 1))),
        // 1 + (1 − h²) wᵀû = h² + (1 − h²)(1 + wᵀû): a sum of what is not negative loses no digits.
        logDet: squared.add(constant(1).sub(squared).mul(above)).log(),
      };
    },
  };
}

export const planar = ({ latent, steps }: FlowConfig): Flow =>
  inSequence(Array.from({ length: steps }, (_, i) => planarStep(`flow.${i}`, latent)));
