/** Layers that arrange the last axes anew, counted from the end, so that any axes may come before them. */

import { formatShape, type Shape, ShapeError, sizeOf } from '../tensor/shape.ts';
import type { LayerBuilder } from './layer.ts';

/**
 * Makes the last `axes` axes one: for 3, [..., C, H, W] → [..., C·H·W].
 * @throws ShapeError where x has fewer axes.
 */
export const flatten =
  (axes: number): LayerBuilder =>
  (name) => ({
    parameters: [],
    pytorch: `Flatten(start_dim=${-axes}, end_dim=-1)`,
    apply: (x) => {
      if (x.rank < axes) {
        throw new ShapeError(`flatten "${name}": expected at least ${axes} axes, got ${formatShape(x.shape)}`);
      }
      return x.reshape(...x.shape.slice(0, x.rank - axes), sizeOf(x.shape.slice(x.rank - axes)));
    },
  });

/**
 * Gives the last axis a shape: for [C, H, W], [..., C·H·W] → [..., C, H, W].
 * @throws ShapeError where the last axis has another size.
 */
export const unflatten =
  (shape: Shape): LayerBuilder =>
  (name) => ({
    parameters: [],
    pytorch: `Unflatten(dim=-1, unflattened_size=(${shape.join(', ')}))`,
    apply: (x) => {
      if (x.shape.at(-1) !== sizeOf(shape)) {
        const expected = `[..., ${sizeOf(shape)}] for ${formatShape(shape)}`;
        throw new ShapeError(`unflatten "${name}": expected input ${expected}, got ${formatShape(x.shape)}`);
      }
      return x.reshape(...x.shape.slice(0, -1), ...shape);
    },
  });
