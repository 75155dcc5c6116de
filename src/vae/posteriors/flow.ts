/** A normal posterior whose draws a normalising flow carries on. */

import type { Tensor } from '../../tensor/tensor.ts';
import type { Normal } from '../distributions/normal.ts';
import type { Flow, FlowConfig } from '../flows/flow.ts';
import { readNormal } from './normal.ts';
import type { Posterior, PosteriorRow } from './posterior.ts';

/** log q(z_K|x) = log q₀(z₀|x) − Σ log |det ∂z_k/∂z_(k−1)|: Rezende & Mohamed (2015), eq. 13. */
export function flowPosterior(base: Normal, flow: Flow, context: Tensor): Posterior {
  const [batch, latent] = base.mean.shape;
  return {
    centre: flow.apply(base.mean.reshape(1, batch, latent), context).z.reshape(batch, latent),
    draw: (noise) => {
      const start = base.sample(noise);
      const { z, logDet } = flow.apply(start, context);
      return { z, logProb: base.logProb(start).sum(-1).sub(logDet), klTo: () => undefined };
    },
  };
}

/** @param uses settings that the flow reads beside those of its normal. */
export const carriedOn = (createFlow: (config: FlowConfig) => Flow, uses: PosteriorRow['uses']): PosteriorRow => ({
  kind: 'density',
  closedForm: false,
  uses: ['scale', ...uses],
  create: (config) => {
    const { latent, flowSteps: steps, flowHidden: hidden, flowContext: context } = config;
    const flow = createFlow({ latent, steps, hidden, context });
    return {
      outputs: 2 * latent + flow.contextSize,
      parameters: flow.parameters,
      read: (outputs) =>
        flowPosterior(readNormal(outputs, config), flow, outputs.slice(-1, 2 * latent, outputs.shape[1])),
    };
  },
});
