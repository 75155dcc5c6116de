/** Encoders and decoders: which layers stand between pixels and latents. */

import { type ActivationName, activation } from '../nn/activations.ts';
import { dense } from '../nn/dense.ts';
import { dropout } from '../nn/dropout.ts';
import { type Layer, type LayerBuilder, sequential } from '../nn/layer.ts';
import type { InitialisationName } from '../nn/parameter.ts';

export interface DenseNetworkConfig {
  /** Sizes of the encoder's hidden layers, from the pixels inwards. The decoder has them in reverse. */
  readonly hidden: readonly number[];
  /** One activation for all hidden layers, or one for each, from the pixels inwards. */
  readonly activation: readonly ActivationName[];
  /** Probability that a hidden unit is dropped in training. */
  readonly dropout: number;
  readonly initialisation: InitialisationName;
}

function denseStack(
  name: string,
  sizes: readonly number[],
  activations: readonly ActivationName[],
  { dropout: rate, initialisation }: DenseNetworkConfig,
): Layer {
  const hidden = sizes.slice(1, -1).flatMap((size, i): LayerBuilder[] => [
    dense(sizes[i], size, initialisation),
    activation(activations[i]),
    // No layer at all for a rate of zero, so that positions and names are those of a network without dropout.
    ...(rate > 0 ? [dropout(rate)] : []),
  ]);
  return sequential(name, [...hidden, dense(sizes.at(-2)!, sizes.at(-1)!, initialisation)]);
}

const spread = (names: readonly ActivationName[], count: number): ActivationName[] =>
  Array.from({ length: count }, (_, i) => names[names.length === 1 ? 0 : i]);

/** [B, pixels] → [B, outputs] */
export const denseEncoder = (pixels: number, outputs: number, config: DenseNetworkConfig): Layer =>
  denseStack('encoder', [pixels, ...config.hidden, outputs], spread(config.activation, config.hidden.length), config);

/** [..., latents] → [..., outputs] */
export const denseDecoder = (latents: number, outputs: number, config: DenseNetworkConfig): Layer =>
  denseStack(
    'decoder',
    [latents, ...[...config.hidden].reverse(), outputs],
    spread(config.activation, config.hidden.length).reverse(),
    config,
  );
