/** The approximate posterior q(z|x): what the encoder says of an image's latents. */

import { constant, type Tensor } from '../tensor/tensor.ts';
import { type Normal, standardNormalLogProb } from './distributions/normal.ts';
import type { Flow } from './flows/flow.ts';

/** Latents drawn from q(z|x). */
export interface Draw {
  /** [S, B, L] */
  readonly z: Tensor;
  /** log q(z|x): [S, B], in nats. */
  readonly logProb: Tensor;
}

export interface Posterior {
  /** Where an image is decoded when one latent is to stand for it: [B, L]. */
  readonly centre: Tensor;
  /** The diagonal normal that draws begin with; none of a point. */
  readonly base?: Normal;
  /** KL(q(z|x) ‖ p(z)) of each latent, [B, L], in nats, where it has a closed form. */
  readonly kl?: Tensor;
  /** Reparametrised by noise ε [S, B, L] ~ N(0, I). */
  draw(noise: Tensor): Draw;
}

export const normalPosterior = (base: Normal): Posterior => ({
  centre: base.mean,
  base,
  kl: base.klFromStandardNormal(),
  draw: (noise) => {
    const z = base.sample(noise);
    return { z, logProb: base.logProb(z).sum(-1) };
  },
});

/**
 * A normal whose draws a flow carries on: log q(z_K|x) = log q₀(z₀|x) − Σ log |det ∂z_k/∂z_(k−1)|.
 * Rezende & Mohamed (2015), eq. 13.
 */
export function flowPosterior(base: Normal, flow: Flow, context: Tensor): Posterior {
  const [batch, latent] = base.mean.shape;
  return {
    centre: flow.apply(base.mean.reshape(1, batch, latent), context).z.reshape(batch, latent),
    base,
    draw: (noise) => {
      const start = base.sample(noise);
      const { z, logDet } = flow.apply(start, context);
      return { z, logProb: base.logProb(start).sum(-1).sub(logDet) };
    },
  };
}

/** All mass at one point: the code of a plain autoencoder, which knows no prior. */
export const pointPosterior = (code: Tensor): Posterior => ({
  centre: code,
  draw: (noise) => ({ z: code.broadcastTo(noise.shape), logProb: constant(0).broadcastTo(noise.shape.slice(0, -1)) }),
});

/** log p(z) of the standard normal prior for z [S, B, L]: [S, B], in nats. */
export const logPrior = (z: Tensor): Tensor => standardNormalLogProb(z).sum(-1);
