/** Activations by name. */

import type { Tensor } from '../tensor/tensor.ts';
import type { LayerBuilder } from './layer.ts';

interface Activation {
  readonly apply: (x: Tensor) => Tensor;
  readonly pytorch: string;
}

const LEAK = 0.01;

/** max(x, 0) + 0.01·min(x, 0): Maas, Hannun & Ng (2013). */
function leakyRelu(x: Tensor): Tensor {
  const positive = x.relu();
  return positive.add(x.sub(positive).mul(LEAK));
}

export const activations = {
  relu: { apply: (x) => x.relu(), pytorch: 'ReLU()' },
  'leaky-relu': { apply: leakyRelu, pytorch: `LeakyReLU(negative_slope=${LEAK})` },
  elu: { apply: (x) => x.elu(), pytorch: 'ELU(alpha=1.0)' },
  /** x·σ(x): Elfwing, Uchibe & Doya (2018). */
  silu: { apply: (x) => x.mul(x.sigmoid()), pytorch: 'SiLU()' },
  tanh: { apply: (x) => x.tanh(), pytorch: 'Tanh()' },
  sigmoid: { apply: (x) => x.sigmoid(), pytorch: 'Sigmoid()' },
  softplus: { apply: (x) => x.softplus(), pytorch: 'Softplus(beta=1.0, threshold=20.0)' },
} as const satisfies Record<string, Activation>;

export type ActivationName = keyof typeof activations;

export const activation =
  (name: ActivationName): LayerBuilder =>
  () => ({ parameters: [], ...activations[name] });
