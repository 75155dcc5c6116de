/** The variational autoencoder: an encoder to q(z|x), a decoder to p(x|z), and a prior p(z). */

import type { Mode } from '../nn/layer.ts';
import type { Parameter } from '../nn/parameter.ts';
import { sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Distribution } from './distributions/distribution.ts';
import { latentCount } from './latent-map.ts';
import { type LikelihoodName, likelihoodOf } from './likelihoods/index.ts';
import type { LikelihoodConfig } from './likelihoods/likelihood.ts';
import { type NetworkName, networks } from './networks/index.ts';
import type { Body, HierarchyConfig, Network, Part } from './networks/network.ts';
import { type PosteriorName, posteriors } from './posteriors/index.ts';
import type { Posterior, PosteriorConfig } from './posteriors/posterior.ts';
import type { Prior } from './priors/prior.ts';
import { standardNormalPrior } from './priors/standard-normal.ts';

/** What a posterior reads, without the number of latents, which may be that of a map. */
type PosteriorSettings = Omit<PosteriorConfig, 'latent'>;

export interface VaeConfig extends HierarchyConfig, LikelihoodConfig, PosteriorSettings {
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
  readonly prior: Prior;
  private readonly body: Body;
  private readonly likelihoodParameters: readonly Parameter[];

  constructor(config: VaeConfig) {
    const { planes, parameters } = likelihoodOf(config.likelihood);
    this.config = config;
    this.body = bodyOf(config, planes(config));
    this.prior = standardNormalPrior(this.latents);
    this.likelihoodParameters = parameters?.(config) ?? [];
  }

  /** D, the number of values of an image. */
  get pixels(): number {
    return sizeOf(this.config.imageShape);
  }

  /** L, the number of latents of an image. */
  get latents(): number {
    return this.layers.reduce((sum, size) => sum + size, 0);
  }

  /** How many latents each layer has, from the first that is drawn. */
  get layers(): readonly number[] {
    return this.body.layers;
  }

  get encoder(): Part {
    return this.body.encoder;
  }

  get decoder(): Part {
    return this.body.decoder;
  }

  get parameters(): readonly Parameter[] {
    const beside = [...this.body.beside, ...this.likelihoodParameters, ...this.prior.parameters];
    return [...this.encoder.parameters, ...this.decoder.parameters, ...beside];
  }

  encode = (x: Tensor, mode: Mode): Posterior => this.body.encode(x, mode);

  decode = (z: Tensor, mode: Mode): Distribution =>
    likelihoodOf(this.config.likelihood).read(this.body.decode(z, mode), this.config, this.likelihoodParameters);
}

function bodyOf(config: VaeConfig, planes: number): Body {
  const network = networks[config.model];
  return 'create' in network ? network.create(config.imageShape, planes, config) : throughBoth(network, config, planes);
}

/** An encoder whose outputs are read as one of the posteriors, and a decoder. */
function throughBoth(network: Network, config: VaeConfig, planes: number): Body {
  const { imageShape } = config;
  const latents = latentCount(config.latent);
  const posterior = posteriors[config.posterior].create({ ...config, latent: latents });
  const encoder = network.encoder(imageShape, posterior.outputs, config);
  const decoder = network.decoder(latents, [planes, imageShape[1], imageShape[2]], config);
  return {
    encoder,
    decoder,
    beside: posterior.parameters,
    layers: [latents],
    encode: (x, mode) => posterior.read(encoder.apply(x, mode)),
    decode: (z, mode) => decoder.apply(z, mode),
  };
}
