/** What a network is: an encoder and a decoder, made for images of one shape. */

import type { Conflict } from '../../base/errors.ts';
import type { ActivationName } from '../../nn/activations.ts';
import type { ImageShape } from '../../nn/images.ts';
import type { Layer } from '../../nn/layer.ts';
import type { InitializerName } from '../../nn/parameter.ts';

export interface DenseConfig {
  /** Sizes of the encoder's hidden layers, from the pixels inwards. The decoder has them in reverse. */
  readonly hidden: readonly number[];
  /** One activation for all hidden layers, or one for each, from the pixels inwards. */
  readonly activation: readonly ActivationName[];
  /** Probability that a hidden unit is dropped in training. */
  readonly dropout: number;
  readonly initializer: InitializerName;
}

export interface NetworkConfig extends DenseConfig {
  /** Channels of each level of convolutions, from the pixels inwards; each halves the sides. Empty: as the images allow. */
  readonly channels: readonly number[];
  /** Side of a convolution's kernel, in pixels. */
  readonly kernel: number;
  /** Residual blocks of each level. */
  readonly blocks: number;
}

export interface Network<Config = NetworkConfig> {
  /** Settings that it reads, by the names that a run gives them. */
  readonly uses: readonly string[];
  /** Settings that begin otherwise in such a network. */
  readonly defaults: Partial<NetworkConfig>;
  /** Whether the last layer of the decoder has a bias for each value of an image. */
  readonly pixelBias: boolean;
  /** What does not go together among its own settings. */
  readonly conflict: (config: Config) => Conflict | undefined;
  /**
   * [..., C·H·W] → [..., outputs]
   * @throws ConfigError where the images are too small for the configured channels.
   */
  encoder(imageShape: ImageShape, outputs: number, config: Config): Layer;
  /**
   * [..., latents] → [..., C′·H·W], flattened from `shape` = [C′, H, W]: a likelihood may need several values a pixel.
   * @throws ConfigError where the images are too small for the configured channels.
   */
  decoder(latents: number, shape: ImageShape, config: Config): Layer;
}

/** Of a network with one activation for all its convolutions. */
export const oneActivation = ({ activation }: NetworkConfig): Conflict | undefined =>
  activation.length === 1
    ? undefined
    : { field: 'activation', problem: 'a network of convolutions has one activation for all its layers' };
