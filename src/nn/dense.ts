/** A fully connected layer. */

import { formatShape, ShapeError } from '../tensor/shape.ts';
import type { LayerBuilder } from './layer.ts';
import { createParameter, type InitializerName, initializers } from './parameter.ts';

/**
 * y = x·Wᵀ + b over the last axis: [..., inputs] → [..., outputs], with W [outputs, inputs] as in PyTorch.
 * @throws ShapeError where the last axis of x is not `inputs`.
 */
export const dense =
  (inputs: number, outputs: number, initializer: InitializerName = 'pytorch'): LayerBuilder =>
  (name) => {
    const begin = initializers[initializer];
    const weight = createParameter(`${name}.weight`, [outputs, inputs], begin.weight, [inputs, outputs]);
    const bias = createParameter(`${name}.bias`, [outputs], begin.bias, [inputs, outputs]);
    return {
      parameters: [weight, bias],
      pytorch: `Linear(in_features=${inputs}, out_features=${outputs}, bias=True)`,
      apply: (x) => {
        if (x.shape.at(-1) !== inputs) {
          const got = formatShape(x.shape);
          throw new ShapeError(
            `dense "${name}": expected input [..., ${inputs}], got ${got}; flatten the images first`,
          );
        }
        const rows = x.rank === 2 ? x : x.reshape(-1, inputs);
        const y = rows.matmul(weight.tensor, { transposeB: true }).add(bias.tensor);
        return x.rank === 2 ? y : y.reshape(...x.shape.slice(0, -1), outputs);
      },
    };
  };
