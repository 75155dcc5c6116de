/** Planar flows: Rezende & Mohamed (2015), section 4.1, with vectors that all images share. */

import { createParameter, initialisations } from '../../nn/parameter.ts';
import { constant } from '../../tensor/tensor.ts';
import { type Flow, type FlowConfig, inSequence } from './flow.ts';

/** Added to ‖w‖², so that a flow whose w vanishes is a shift instead of 0/0. */
const LEAST_NORM = 1e-6;
/** wᵀû is at least this far above −1: in 32 bits −1 + softplus(a) would reach −1, and log 0. */
const MARGIN = 1e-3;

/**
 * f(z) = z + û tanh(wᵀz + b),  log |det ∂f/∂z| = log |1 + h′(wᵀz + b) wᵀû|
 * with û = u + (m(wᵀu) − wᵀu) w / ‖w‖² and m(a) = −1 + margin + softplus(a), so that wᵀû > −1 and f is invertible
 * (appendix A.1).
 */
function planarStep(name: string, latent: number): Flow {
  const { weight, bias } = initialisations.pytorch;
  const u = createParameter(`${name}.u`, [latent], weight, [latent, latent]);
  const w = createParameter(`${name}.w`, [latent], weight, [latent, latent]);
  const b = createParameter(`${name}.b`, [1], bias, [latent, 1]);
  return {
    parameters: [u, w, b],
    contextSize: 0,
    scaleOffset: 0,
    apply: (z) => {
      const product = u.tensor.mul(w.tensor).sum(); // wᵀu
      const bounded = product.softplus().add(MARGIN - 1); // m(wᵀu)
      const correction = bounded.sub(product).div(w.tensor.square().sum().add(LEAST_NORM));
      const direction = u.tensor.add(w.tensor.mul(correction)); // û
      // wᵀû, which is m(wᵀu) but for LEAST_NORM; the sum of products would lose its last digits where u is long.
      const applied = bounded.sub(correction.mul(LEAST_NORM));
      const hidden = z.mul(w.tensor).sum(-1).add(b.tensor).tanh(); // [S, B]
      const slope = constant(1).sub(hidden.square());
      return {
        z: z.add(direction.mul(hidden.reshape(...hidden.shape, 1))),
        logDet: slope.mul(applied).add(1).log(),
      };
    },
  };
}

export const planar = ({ latent, steps }: FlowConfig): Flow =>
  inSequence(Array.from({ length: steps }, (_, i) => planarStep(`flow.${i}`, latent)));
