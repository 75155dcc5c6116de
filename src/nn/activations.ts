/** Activations by name. */

import type { Tensor } from '../tensor/tensor.ts';
import type { LayerBuilder } from './layer.ts';

interface Activation {
  readonly apply: (x: Tensor) => Tensor;
  readonly pytorch: string;
}

export const activations = {
  relu: { apply: (x) => x.relu(), pytorch: 'ReLU()' },
  elu: { apply: (x) => x.elu(), pytorch: 'ELU(alpha=1.0)' },
  tanh: { apply: (x) => x.tanh(), pytorch: 'Tanh()' },
  sigmoid: { apply: (x) => x.sigmoid(), pytorch: 'Sigmoid()' },
  softplus: { apply: (x) => x.softplus(), pytorch: 'Softplus(beta=1.0, threshold=20.0)' },
} as const satisfies Record<string, Activation>;

export type ActivationName = keyof typeof activations;

export const activation =
  (name: ActivationName): LayerBuilder =>
  () => ({ parameters: [], ...activations[name] });
