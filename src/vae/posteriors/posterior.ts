/** The approximate posterior q(z|x): what the encoder says of an image's latents. */

import type { Parameter } from '../../nn/parameter.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { ScaleParametrisation } from '../distributions/normal.ts';
import type { Prior } from '../priors/prior.ts';

/** Latents drawn from q(z|x). */
export interface Draw {
  /** [S, B, L] */
  readonly z: Tensor;
  /** log q(z|x): [S, B], in nats. */
  readonly logProb: Tensor;
  /**
   * KL(q(z|x) ‖ p(z)) of each latent, [B, L], in nats; undefined where it has no closed form. Where latents depend on
   * those that were drawn before them, it is that of the draws, on the average over them.
   */
  klTo(prior: Prior): Tensor | undefined;
}

/** q(z|x) of a batch of images. */
export interface Posterior {
  /** Where an image is decoded when one latent is to stand for it: [B, L]. */
  readonly centre: Tensor;
  /** Standard deviation of each latent, [B, L], where the latents are normal. */
  readonly stddev?: Tensor;
  /** Reparametrised by noise ε [S, B, L] ~ N(0, I). */
  draw(noise: Tensor): Draw;
  /** How many of the latents each layer has, from the first that is drawn; undefined where there is one layer. */
  readonly layers?: readonly number[];
  /** log q(z|x) of any z [S, B, L]: [S, B], in nats, where it can be computed. */
  logProb?(z: Tensor): Tensor;
}

export interface PosteriorConfig {
  /** Number of latents, L. */
  readonly latent: number;
  /** How the encoder's outputs give the posterior's scale. */
  readonly scale: ScaleParametrisation;
  readonly flowSteps: number;
  readonly flowHidden: number;
  readonly flowContext: number;
}

/** A family of posteriors, made for a number of latents. */
export interface PosteriorFamily {
  /** Values that the encoder gives for each image. */
  readonly outputs: number;
  readonly parameters: readonly Parameter[];
  /** q(z|x) from the encoder's outputs, [B, outputs]. */
  read(outputs: Tensor): Posterior;
}

/** What is known of a kind of posterior without making one. */
export interface PosteriorRow {
  /** `density`: z is drawn, and has a density. `point`: z is one point, the code of a plain autoencoder. */
  readonly kind: 'density' | 'point';
  /** Whether its KL to a standard normal has a closed form, and log q(z|x) can be computed for any z. */
  readonly closedForm: boolean;
  /** Settings that it reads. */
  readonly uses: readonly (keyof PosteriorConfig)[];
  readonly create: (config: PosteriorConfig) => PosteriorFamily;
}
