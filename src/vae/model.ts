/** The variational autoencoder: an encoder to q(z|x), a decoder to p(x|z), and a prior p(z). */

import type { Layer, Mode } from '../nn/layer.ts';
import type { Parameter } from '../nn/parameter.ts';
import { sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Distribution } from './distributions/distribution.ts';
import { type LikelihoodName, likelihoodOf } from './likelihoods/index.ts';
import type { LikelihoodConfig } from './likelihoods/likelihood.ts';
import { type NetworkName, networks } from './networks/index.ts';
import type { NetworkConfig } from './networks/network.ts';
import { type PosteriorName, posteriors } from './posteriors/index.ts';
import type { Posterior, PosteriorConfig, PosteriorFamily } from './posteriors/posterior.ts';
import type { Prior } from './priors/prior.ts';
import { standardNormalPrior } from './priors/standard-normal.ts';

export interface VaeConfig extends NetworkConfig, LikelihoodConfig, PosteriorConfig {
  readonly model: NetworkName;
  readonly posterior: PosteriorName;
  readonly likelihood: LikelihoodName;
}

/** The three distributions that an objective is made of. */
export interface LatentVariableModel {
  /** p(z) */
  readonly prior: Prior;
  /** q(z|x) for x [B, D], over latents [B, L]. */
  encode(x: Tensor, mode: Mode): Posterior;
  /** p(x|z) for z [..., L], over x [..., D]. */
  decode(z: Tensor, mode: Mode): Distribution;
}

export class Vae implements LatentVariableModel {
  readonly config: VaeConfig;
  readonly encoder: Layer;
  readonly decoder: Layer;
  readonly prior: Prior;
  private readonly posterior: PosteriorFamily;
  private readonly likelihoodParameters: readonly Parameter[];

  constructor(config: VaeConfig) {
    const { imageShape, latent } = config;
    const { encoder, decoder } = networks[config.model];
    const { planes, parameters } = likelihoodOf(config.likelihood);
    this.config = config;
    this.prior = standardNormalPrior(latent);
    this.posterior = posteriors[config.posterior].create(config);
    this.encoder = encoder(imageShape, this.posterior.outputs, config);
    this.decoder = decoder(latent, [planes(config), imageShape[1], imageShape[2]], config);
    this.likelihoodParameters = parameters?.(config) ?? [];
  }

  /** D, the number of values of an image. */
  get pixels(): number {
    return sizeOf(this.config.imageShape);
  }

  get parameters(): readonly Parameter[] {
    const beside = [...this.posterior.parameters, ...this.likelihoodParameters, ...this.prior.parameters];
    return [...this.encoder.parameters, ...this.decoder.parameters, ...beside];
  }

  encode = (x: Tensor, mode: Mode): Posterior => this.posterior.read(this.encoder.apply(x, mode));

  decode = (z: Tensor, mode: Mode): Distribution =>
    likelihoodOf(this.config.likelihood).read(this.decoder.apply(z, mode), this.config, this.likelihoodParameters);
}
