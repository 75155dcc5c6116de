/** Residual networks of pre-activation bottlenecks. They have no hidden dense layers and no dropout. */

import type { Conflict } from '../../base/errors.ts';
import { activation } from '../../nn/activations.ts';
import { convolution } from '../../nn/convolution.ts';
import { dense } from '../../nn/dense.ts';
import type { ImageShape } from '../../nn/images.ts';
import { type LayerBuilder, sequential } from '../../nn/layer.ts';
import { channelNorm } from '../../nn/normalisation.ts';
import { globalAveragePool } from '../../nn/pooling.ts';
import { flatten, unflatten } from '../../nn/reshaping.ts';
import { residualBlock } from '../../nn/residual.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { levelsOf } from './levels.ts';
import { type Network, type NetworkConfig, oneActivation } from './network.ts';

/** Channels between the pixels and the first level. */
const STEM = 32;

/**
 * Encoder: a 3 × 3 convolution to 32 channels; a group of blocks for each level, whose first halves the sides; norm;
 * the mean over all pixels; a last layer.
 * Decoder: a first layer to the sides of the last level; the groups backwards, so that the last block of each doubles
 * the sides and gives the channels of the level before; norm; a 3 × 3 convolution to the pixels.
 */
export const residualNetwork: Network = {
  uses: ['channels', 'blocks'],
  defaults: { hidden: [], activation: ['silu'], initializer: 'he' },
  pixelBias: false,
  latents: 'number',
  conflict: (config) => oneActivation(config) ?? atLeastOneBlock(config),
  encoder: (imageShape, outputs, config) => {
    const { levels, code } = levelsFor(imageShape, config);
    const groups = levels.flatMap(({ outer, inner }) => [
      residualBlock(outer, inner, { resize: 'halve', ...optionsOf(config) }),
      ...plainBlocks(inner, config),
    ]);
    return sequential('encoder', [
      unflatten(imageShape),
      convolution(imageShape[0], STEM, { kernel: 3, padding: 1, initializer: config.initializer }),
      ...groups,
      channelNorm(code[0]),
      activation(config.activation[0]),
      globalAveragePool,
      flatten(3),
      dense(code[0], outputs, config.initializer),
    ]);
  },

  decoder: (latents, shape, config) => {
    const { levels, code } = levelsFor(shape, config);
    const groups = [...levels]
      .reverse()
      .flatMap(({ outer, inner }) => [
        ...plainBlocks(inner, config),
        residualBlock(inner, outer, { resize: 'double', ...optionsOf(config) }),
      ]);
    return sequential('decoder', [
      dense(latents, sizeOf(code), config.initializer),
      unflatten(code),
      ...groups,
      channelNorm(STEM),
      activation(config.activation[0]),
      convolution(STEM, shape[0], { kernel: 3, padding: 1, initializer: config.initializer }),
      flatten(3),
    ]);
  },
};

/** 64, 128 and 256 channels, unless chosen. Only an even side has a half: the skip takes the mean of 2 × 2 pixels. */
const levelsFor = (shape: ImageShape, { channels }: NetworkConfig) =>
  levelsOf(shape, STEM, channels, {
    halve: (side) => (side % 2 === 0 ? side / 2 : undefined),
    channels: (level) => [64, 128, 256][level],
  });

const optionsOf = ({ activation: [kind], initializer }: NetworkConfig) => ({ activation: kind, initializer });

/** The blocks of a group besides the one that changes sides and channels. */
const plainBlocks = (channels: number, config: NetworkConfig): LayerBuilder[] =>
  Array.from({ length: config.blocks - 1 }, () => residualBlock(channels, channels, optionsOf(config)));

const atLeastOneBlock = ({ blocks }: NetworkConfig): Conflict | undefined =>
  blocks > 0 ? undefined : { field: 'blocks', problem: 'a level has at least the block that changes its sides' };
