/** The variational autoencoder: an encoder to q(z|x), a decoder to p(x|z), and a standard normal prior. */

import type { Layer, Mode } from '../nn/layer.ts';
import type { Parameter } from '../nn/parameter.ts';
import { sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Distribution } from './distributions/distribution.ts';
import { type ScaleParametrisation, scaleParametrisations } from './distributions/normal.ts';
import type { Flow } from './flows/flow.ts';
import { type FlowName, flows, isFlow } from './flows/index.ts';
import { type LikelihoodConfig, type LikelihoodName, likelihoodOf } from './likelihoods.ts';
import { type NetworkName, networks } from './networks/index.ts';
import type { NetworkConfig } from './networks/network.ts';
import { flowPosterior, normalPosterior, type Posterior, pointPosterior } from './posterior.ts';

/** `point` is a plain autoencoder; the flows carry on what a `normal` begins. */
export type PosteriorName = 'point' | 'normal' | FlowName;

export interface VaeConfig extends NetworkConfig, LikelihoodConfig {
  readonly model: NetworkName;
  /** Number of latents. */
  readonly latent: number;
  /** How the encoder's outputs give the posterior's scale. */
  readonly scale: ScaleParametrisation;
  readonly posterior: PosteriorName;
  readonly flowSteps: number;
  readonly flowHidden: number;
  readonly flowContext: number;
  readonly likelihood: LikelihoodName;
}

export class Vae {
  readonly config: VaeConfig;
  readonly encoder: Layer;
  readonly decoder: Layer;
  private readonly flow?: Flow;
  private readonly likelihoodParameters: readonly Parameter[];

  constructor(config: VaeConfig) {
    const { imageShape, latent, likelihood } = config;
    const { encoder, decoder } = networks[config.model];
    const { planes, parameters } = likelihoodOf(likelihood);
    this.config = config;
    if (isFlow(config.posterior)) {
      const { flowSteps: steps, flowHidden: hidden, flowContext: context } = config;
      this.flow = flows[config.posterior]({ latent, steps, hidden, context });
    }
    const code = config.posterior === 'point' ? latent : 2 * latent;
    this.encoder = encoder(imageShape, code + (this.flow?.contextSize ?? 0), config);
    this.decoder = decoder(latent, [planes(config), imageShape[1], imageShape[2]], config);
    this.likelihoodParameters = parameters?.(config) ?? [];
  }

  /** D, the number of values of an image. */
  get pixels(): number {
    return sizeOf(this.config.imageShape);
  }

  get parameters(): readonly Parameter[] {
    const beside = [...(this.flow?.parameters ?? []), ...this.likelihoodParameters];
    return [...this.encoder.parameters, ...this.decoder.parameters, ...beside];
  }

  /** q(z|x) for x [B, D], over latents [B, L]. */
  encode(x: Tensor, mode: Mode): Posterior {
    const { latent, posterior, scale } = this.config;
    const outputs = this.encoder.apply(x, mode);
    if (posterior === 'point') return pointPosterior(outputs);
    const [mean, raw] = [outputs.slice(-1, 0, latent), outputs.slice(-1, latent, 2 * latent)];
    const base = scaleParametrisations[scale](mean, raw);
    if (this.flow === undefined) return normalPosterior(base);
    return flowPosterior(base, this.flow, outputs.slice(-1, 2 * latent, outputs.shape[1]));
  }

  /** p(x|z) for z [..., L], over x [..., D]. */
  decode(z: Tensor, mode: Mode): Distribution {
    return likelihoodOf(this.config.likelihood).read(
      this.decoder.apply(z, mode),
      this.config,
      this.likelihoodParameters,
    );
  }
}
