/** Convolutions of stride 2, then fully connected layers; the decoder is the exact mirror. */

import { activation } from '../../nn/activations.ts';
import { convolution, transposedConvolution } from '../../nn/convolution.ts';
import type { ImageShape } from '../../nn/images.ts';
import { type LayerBuilder, sequential } from '../../nn/layer.ts';
import { flatten, unflatten } from '../../nn/reshaping.ts';
import { sizeOf, windowCount } from '../../tensor/shape.ts';
import { inwards, outwards } from './dense.ts';
import { levelsOf } from './levels.ts';
import { type Network, type NetworkConfig, oneActivation } from './network.ts';

/**
 * Encoder: a convolution and an activation for each level; flatten; hidden layers as in a dense network; a last layer.
 * Decoder: the same backwards, with transposed convolutions that reach the very sides that the encoder had.
 * All convolutions take the first activation, the one next to the pixels.
 */
export const convolutionalNetwork: Network = {
  uses: ['channels', 'kernel', 'hidden', 'dropout'],
  defaults: { hidden: [256] },
  pixelBias: false,
  conflict: oneActivation,
  encoder: (imageShape, outputs, config) => {
    const { levels, code } = levelsFor(imageShape, config);
    const convolutions = levels.flatMap(({ outer, inner }): LayerBuilder[] => [
      convolution(outer, inner, windowOf(config)),
      activation(config.activation[0]),
    ]);
    const dense = inwards(sizeOf(code), config.hidden, outputs, config);
    return sequential('encoder', [unflatten(imageShape), ...convolutions, flatten(3), ...dense]);
  },

  decoder: (latents, shape, config) => {
    const { levels, code } = levelsFor(shape, config);
    const convolutions = [...levels]
      .reverse()
      .flatMap(({ outer, inner, size }): LayerBuilder[] => [
        activation(config.activation[0]),
        transposedConvolution(inner, outer, { ...windowOf(config), size }),
      ]);
    const dense = outwards(latents, config.hidden, sizeOf(code), config);
    return sequential('decoder', [...dense, unflatten(code), ...convolutions, flatten(3)]);
  },
};

/** Padding with which a stride of 2 halves the sides: an even kernel rounds an odd side down, an odd one rounds it up. */
const halvingPadding = (kernel: number): number => Math.floor((kernel - 1) / 2);

/** 32, 64, 128 and then 256 channels, unless chosen. A single pixel has no half. */
const levelsFor = (shape: ImageShape, { channels, kernel }: NetworkConfig) =>
  levelsOf(shape, shape[0], channels, {
    halve: (side) => (side < 2 ? undefined : windowCount(side, kernel, 2, halvingPadding(kernel))),
    channels: (level) => Math.min(32 * 2 ** level, 256),
  });

const windowOf = ({ kernel, initializer }: NetworkConfig) => ({
  kernel,
  stride: 2,
  padding: halvingPadding(kernel),
  initializer,
});
