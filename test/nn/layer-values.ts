/** Values of layers whose parameters and inputs follow a formula, which PyTorch can fill in the same way. */

import type { Layer, LayerBuilder } from '../../src/nn/layer.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import type { NumericArray } from '../../src/tensor/primitives.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { argument, constant, type Tensor } from '../../src/tensor/tensor.ts';
import { compute } from '../vae/compute.ts';

/** cos 1, cos 2, ... */
export const cosines = (shape: Shape): Float64Array =>
  Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(i + 1));

/** sin 1, sin 2, ... in each parameter. */
export const sines = ({ parameters }: Layer): Record<string, NumericArray> =>
  Object.fromEntries(
    parameters.map(({ name, tensor }) => [name, Float64Array.from({ length: tensor.size }, (_, i) => Math.sin(i + 1))]),
  );

/** The layer's values for the input cos 1, cos 2, ..., with the parameters sin 1, sin 2, ... */
export function valuesOf(build: LayerBuilder, shape: Shape): Float64Array {
  const layer = build('layer');
  return compute(layer.apply(constant(cosines(shape), shape), 'evaluation'), sines(layer));
}

export const rounded = (values: Iterable<number>): number[] => Array.from(values, (x) => Number(x.toFixed(6)));

const STEP = 1e-5;

/**
 * The largest error of a layer's gradients against central differences, relative to a gradient of 1: those by the input
 * and by a few values of every parameter.
 */
export function gradientError(layer: Layer, shape: Shape, given: Readonly<Record<string, NumericArray>>): number {
  const x = argument('x', shape);
  const y = layer.apply(x, 'evaluation');
  const loss = y
    .mul(constant(cosines(y.shape), y.shape))
    .add(y.square().mul(0.1))
    .mean();
  const targets: readonly Tensor[] = [x, ...layer.parameters.map(({ tensor }) => tensor)];
  const names = ['x', ...layer.parameters.map(({ name }) => name)];
  const values: Record<string, NumericArray> = { x: cosines(shape), ...given };
  const errors = gradients(loss, targets).flatMap((gradient, target) => {
    const derived = compute(gradient, values);
    return [0, Math.floor(derived.length / 2), derived.length - 1].map((i) => {
      const at = (shift: number): number => {
        const shifted = Float64Array.from(values[names[target]]);
        shifted[i] += shift;
        return compute(loss, { ...values, [names[target]]: shifted })[0];
      };
      const expected = (at(STEP) - at(-STEP)) / (2 * STEP);
      return Math.abs(derived[i] - expected) / Math.max(1, Math.abs(expected));
    });
  });
  return Math.max(...errors);
}
