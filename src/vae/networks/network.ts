/** What a network is: an encoder and a decoder, made for images of one shape. */

import type { Conflict } from '../../base/errors.ts';
import type { ActivationName } from '../../nn/activations.ts';
import type { ImageShape } from '../../nn/images.ts';
import type { Layer, Mode } from '../../nn/layer.ts';
import type { InitializerName, Parameter } from '../../nn/parameter.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { ScaleParametrisation } from '../distributions/normal.ts';
import { type LatentSize, mapShape } from '../latent-map.ts';
import type { Posterior } from '../posteriors/posterior.ts';

export interface DenseConfig {
  /** Sizes of the encoder's hidden layers, from the pixels inwards. The decoder has them in reverse. */
  readonly hidden: readonly number[];
  /** One activation for all hidden layers, or one for each, from the pixels inwards. */
  readonly activation: readonly ActivationName[];
  /** Probability that a hidden unit is dropped in training. */
  readonly dropout: number;
  readonly initializer: InitializerName;
  /** A number of latents, or the map that the convolutions end with. */
  readonly latent: LatentSize;
}

export interface NetworkConfig extends DenseConfig {
  /** Channels of each level of convolutions, from the pixels inwards; each halves the sides. Empty: as the images allow. */
  readonly channels: readonly number[];
  /** Side of a convolution's kernel, in pixels. */
  readonly kernel: number;
  /** Residual blocks of each level; of plain convolutions, behind the last. */
  readonly blocks: number;
}

/** How the last layer of a decoder begins: as its first values say, with a bias from the data, or with that bias alone. */
export const INITIAL_BIASES = ['default', 'data', 'data-alone'] as const;

/** What a network is best begun with. */
export interface NetworkDefaults extends Partial<NetworkConfig> {
  readonly initialBias?: (typeof INITIAL_BIASES)[number];
}

/** What is known of any network without making one. */
export interface NetworkRow<Config = NetworkConfig> {
  /** Settings that it reads, by the names that a run gives them. */
  readonly uses: readonly string[];
  /** Settings that begin otherwise in such a network. */
  readonly defaults: NetworkDefaults;
  /** Those that begin otherwise with a map of latents. */
  readonly mapDefaults?: Partial<NetworkConfig>;
  /** Whether the last layer of the decoder has a bias for each value of an image. */
  readonly pixelBias: boolean;
  /** Whether its latents are a number of them, a map, or either. */
  readonly latents: 'number' | 'map' | 'either';
  /** What does not go together among its own settings. */
  readonly conflict: (config: Config) => Conflict | undefined;
}

/** A network that goes once from the image to all latents, and once back. */
export interface Network<Config = NetworkConfig> extends NetworkRow<Config> {
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

/** Channels of every level before a map of latents, unless chosen: a step with twice as many takes more than twice as long. */
export const MAP_WIDTH = 64;

/** A part of a model: its parameters, and itself as PyTorch prints it. */
export type Part = Pick<Layer, 'parameters' | 'pytorch'>;

/** A model between its images and its likelihood: the way to q(z|x), and the way back from z. */
export interface Body {
  readonly encoder: Part;
  /** Its last two parameters are the weight and the bias of the layer that gives the likelihood its values. */
  readonly decoder: Part;
  /** What q(z|x) has to learn beside both. */
  readonly beside: readonly Parameter[];
  /** How many latents each layer has, from the first that is drawn: their sum is L. */
  readonly layers: readonly number[];
  /** q(z|x) for x [B, D], over latents [B, L]. */
  encode(x: Tensor, mode: Mode): Posterior;
  /** z [..., L] → [..., C′·H·W]: what the likelihood reads. */
  decode(z: Tensor, mode: Mode): Tensor;
}

/** What a network of several layers of latents reads of a run. */
export interface HierarchyConfig extends NetworkConfig {
  /** Layers of latents. */
  readonly layers: number;
  /** Whether residual blocks have a gate. */
  readonly gated: boolean;
  readonly scale: ScaleParametrisation;
}

/** A network whose latents depend on each other, so that it makes its own q(z|x). */
export interface Hierarchy extends NetworkRow<HierarchyConfig> {
  /** For images of a shape, and C′ planes of values for the likelihood. */
  readonly create: (imageShape: ImageShape, planes: number, config: HierarchyConfig) => Body;
}

/** Of a network with one activation for all its convolutions. */
export const oneActivation = ({ activation }: NetworkConfig): Conflict | undefined =>
  activation.length === 1
    ? undefined
    : { field: 'activation', problem: 'a network of convolutions has one activation for all its layers' };

/** Of a network whose dense layers stand before a number of latents. */
export const mapConflict = ({ latent, hidden }: NetworkConfig): Conflict | undefined =>
  mapShape(latent) === undefined || hidden.length === 0
    ? undefined
    : {
        field: 'hidden',
        problem: 'a map of latents has no dense layers',
        remedies: [{ field: 'hidden', value: 'none' }],
      };
