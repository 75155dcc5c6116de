/** The variational autoencoder: an encoder to q(z|x), a decoder to p(x|z), and a standard normal prior. */

import type { Layer, Mode } from '../nn/layer.ts';
import type { Parameter } from '../nn/parameter.ts';
import { sizeOf } from '../tensor/shape.ts';
import { constant, type Tensor } from '../tensor/tensor.ts';
import { Bernoulli } from './distributions/bernoulli.ts';
import type { Distribution } from './distributions/distribution.ts';
import { Normal, type ScaleParametrisation, scaleParametrisations } from './distributions/normal.ts';
import { networks } from './networks/index.ts';
import type { DenseConfig } from './networks/network.ts';

/** Likelihoods of an image given what the decoder says of each of its pixels. */
export const likelihoods = {
  bernoulli: (outputs: Tensor) => new Bernoulli(outputs),
  /** Pixels in [0, 1] with one fixed standard deviation. */
  normal: (outputs: Tensor, { stddev }: { readonly stddev: number }) =>
    new Normal(outputs.sigmoid(), constant(2 * Math.log(stddev)), constant(stddev)),
} as const satisfies Record<string, (outputs: Tensor, options: { readonly stddev: number }) => Distribution>;

export type LikelihoodName = keyof typeof likelihoods;

export interface VaeConfig extends DenseConfig {
  /** [C, H, W] of an image. */
  readonly imageShape: readonly [number, number, number];
  /** Number of latents. */
  readonly latent: number;
  /** How the encoder's outputs give the posterior's scale. */
  readonly scale: ScaleParametrisation;
  readonly likelihood: LikelihoodName;
  /** Standard deviation of a pixel, for a normal likelihood. */
  readonly stddev: number;
}

export class Vae {
  readonly config: VaeConfig;
  readonly encoder: Layer;
  readonly decoder: Layer;

  constructor(config: VaeConfig) {
    this.config = config;
    this.encoder = networks.dense.encoder(config.imageShape, 2 * config.latent, config);
    this.decoder = networks.dense.decoder(config.latent, config.imageShape, config);
  }

  /** D, the number of values of an image. */
  get pixels(): number {
    return sizeOf(this.config.imageShape);
  }

  get parameters(): readonly Parameter[] {
    return [...this.encoder.parameters, ...this.decoder.parameters];
  }

  /** q(z|x) for x [B, D]: a normal with mean and scale [B, L]. */
  encode(x: Tensor, mode: Mode): Normal {
    const [mean, raw] = this.encoder.apply(x, mode).split(2, -1);
    return scaleParametrisations[this.config.scale](mean, raw);
  }

  /** p(x|z) for z [..., L], over x [..., D]. */
  decode(z: Tensor, mode: Mode): Distribution {
    return likelihoods[this.config.likelihood](this.decoder.apply(z, mode), this.config);
  }
}
