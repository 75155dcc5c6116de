/** Fully connected networks. */

import { type ActivationName, activation } from '../../nn/activations.ts';
import { dense } from '../../nn/dense.ts';
import { dropout } from '../../nn/dropout.ts';
import { type LayerBuilder, sequential } from '../../nn/layer.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { DenseConfig, Network } from './network.ts';

export const denseNetwork: Network<DenseConfig> = {
  uses: ['hidden', 'dropout'],
  defaults: {},
  pixelBias: true,
  latents: 'number',
  conflict: ({ hidden, activation: names }) => {
    if (hidden.length === 0) return { field: 'hidden', problem: 'a dense network needs a hidden layer' };
    if (names.length === 1 || names.length === hidden.length) return undefined;
    const layers = `${hidden.length} hidden layer${hidden.length === 1 ? '' : 's'}`;
    const problem = `${names.length} activations for ${layers}; give one for all, or one for each`;
    return { field: 'activation', problem };
  },
  encoder: (imageShape, outputs, config) =>
    sequential('encoder', inwards(sizeOf(imageShape), config.hidden, outputs, config)),
  decoder: (latents, shape, config) => sequential('decoder', outwards(latents, config.hidden, sizeOf(shape), config)),
};

/** From the pixels to the latents: the hidden layers in their order. */
export const inwards = (inputs: number, hidden: readonly number[], outputs: number, config: DenseConfig) =>
  stack([inputs, ...hidden, outputs], activationsOf(config), config);

/** From the latents to the pixels: the hidden layers in reverse. */
export const outwards = (inputs: number, hidden: readonly number[], outputs: number, config: DenseConfig) =>
  stack([inputs, ...[...hidden].reverse(), outputs], activationsOf(config).reverse(), config);

/** One for each hidden layer. */
const activationsOf = ({ activation: names, hidden }: DenseConfig): ActivationName[] =>
  hidden.map((_, i) => names[names.length === 1 ? 0 : i]);

function stack(
  sizes: readonly number[],
  activations: readonly ActivationName[],
  { dropout: rate, initializer }: DenseConfig,
): LayerBuilder[] {
  const hidden = sizes.slice(1, -1).flatMap((size, i): LayerBuilder[] => [
    dense(sizes[i], size, initializer),
    activation(activations[i]),
    // No layer at all for a rate of zero, so that positions and names are those of a network without dropout.
    ...(rate > 0 ? [dropout(rate)] : []),
  ]);
  return [...hidden, dense(sizes.at(-2)!, sizes.at(-1)!, initializer)];
}
