/** Convolutions of stride 2, then fully connected layers or a map of latents; the decoder is the exact mirror. */

import { activation } from '../../nn/activations.ts';
import { convolution, transposedConvolution } from '../../nn/convolution.ts';
import type { ImageShape } from '../../nn/images.ts';
import { type LayerBuilder, sequential } from '../../nn/layer.ts';
import { flatten, unflatten } from '../../nn/reshaping.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { halfOf, halvingPadding } from '../latent-map.ts';
import { inwards, outwards } from './dense.ts';
import { channelsTo, levelsOf, lightBlocks } from './levels.ts';
import { mapConflict, type Network, type NetworkConfig, oneActivation } from './network.ts';

/**
 * Encoder: a convolution and an activation for each level; residual blocks; then flatten, hidden layers as in a dense
 * network and a last layer, or for a map of latents a 1 × 1 convolution and nothing that knows the size of the images.
 * Decoder: the same backwards, with transposed convolutions that reach the very sides that the encoder had.
 * All convolutions take the first activation, the one next to the pixels.
 */
export const convolutionalNetwork: Network = {
  uses: ['channels', 'kernel', 'hidden', 'dropout', 'blocks'],
  defaults: { hidden: [256], activation: ['silu'], initializer: 'he', initialBias: 'data-alone', blocks: 0 },
  mapDefaults: { hidden: [], blocks: 2 },
  pixelBias: false,
  latents: 'either',
  conflict: (config) => oneActivation(config) ?? mapConflict(config),
  encoder: (imageShape, outputs, config) => {
    const { levels, code } = levelsFor(imageShape, config);
    const convolutions = levels.flatMap(({ outer, inner }): LayerBuilder[] => [
      convolution(outer, inner, windowOf(config)),
      activation(config.activation[0]),
    ]);
    return sequential('encoder', [
      unflatten(imageShape),
      ...convolutions,
      ...lightBlocks(code[0], config.blocks, { ...config, gated: false }),
      ...(isMap(config)
        ? [pointwise(code[0], planesOf(outputs, code), config), flatten(3)]
        : [flatten(3), ...inwards(sizeOf(code), config.hidden, outputs, config)]),
    ]);
  },

  decoder: (latents, shape, config) => {
    const { levels, code } = levelsFor(shape, config);
    const convolutions = [...levels]
      .reverse()
      .flatMap(({ outer, inner, size }): LayerBuilder[] => [
        activation(config.activation[0]),
        transposedConvolution(inner, outer, { ...windowOf(config), size }),
      ]);
    const [, ...sides] = code;
    return sequential('decoder', [
      ...(isMap(config)
        ? [unflatten([planesOf(latents, code), ...sides]), pointwise(planesOf(latents, code), code[0], config)]
        : [...outwards(latents, config.hidden, sizeOf(code), config), unflatten(code)]),
      ...lightBlocks(code[0], config.blocks, { ...config, gated: false }),
      ...convolutions,
      flatten(3),
    ]);
  },
};

/** 32, 64, 128 and then 256 channels, unless chosen or before a map. */
const channelsAt = (level: number): number => Math.min(32 * 2 ** level, 256);

const levelsFor = (shape: ImageShape, config: NetworkConfig) =>
  levelsOf(shape, shape[0], chosenFor(shape, config), {
    halve: (side) => halfOf(side, config.kernel),
    channels: channelsAt,
  });

/** A map says how many levels there are. */
const chosenFor = (shape: ImageShape, { channels, kernel, latent }: NetworkConfig): readonly number[] =>
  typeof latent === 'number' ? channels : channelsTo(latent, shape, channels, kernel);

const isMap = ({ latent }: NetworkConfig): boolean => typeof latent !== 'number';

const planesOf = (values: number, [, height, width]: ImageShape): number => values / (height * width);

const pointwise = (inputs: number, outputs: number, { initializer }: NetworkConfig): LayerBuilder =>
  convolution(inputs, outputs, { kernel: 1, initializer });

const windowOf = ({ kernel, initializer }: NetworkConfig) => ({
  kernel,
  stride: 2,
  padding: halvingPadding(kernel),
  initializer,
});
