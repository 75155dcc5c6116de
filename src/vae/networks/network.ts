/** What a network is: an encoder and a decoder, made for images of one shape. */

import type { ActivationName } from '../../nn/activations.ts';
import type { ImageShape } from '../../nn/images.ts';
import type { Layer } from '../../nn/layer.ts';
import type { InitialisationName } from '../../nn/parameter.ts';

export interface DenseConfig {
  /** Sizes of the encoder's hidden layers, from the pixels inwards. The decoder has them in reverse. */
  readonly hidden: readonly number[];
  /** One activation for all hidden layers, or one for each, from the pixels inwards. */
  readonly activation: readonly ActivationName[];
  /** Probability that a hidden unit is dropped in training. */
  readonly dropout: number;
  readonly initialisation: InitialisationName;
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
