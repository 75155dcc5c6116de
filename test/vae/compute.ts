/** Values of expressions in 64-bit floats. */

import { evaluate } from '../../src/engines/reference/kernels.ts';
import { fillNoise } from '../../src/random/random.ts';
import type { NumericArray } from '../../src/tensor/primitives.ts';
import { sourceName } from '../../src/tensor/program.ts';
import { constant, type Tensor, topologicalOrder } from '../../src/tensor/tensor.ts';

/** Computes a tensor; arguments and parameters by name, noise from its stream. */
export function compute(root: Tensor, given: Readonly<Record<string, NumericArray>> = {}, step = 0): Float64Array {
  const values = evaluate(topologicalOrder([root]), (source, node) => {
    if (source.kind !== 'noise') return given[sourceName(source)];
    const random = new Float32Array(node.size);
    fillNoise(random, source.distribution, { seed: 1, stream: source.stream, step });
    return Float64Array.from(random);
  });
  return Float64Array.from(values.get(root)!);
}

export const vector = (...values: number[]): Tensor => constant(Float64Array.from(values), [values.length]);

/** ∫ f over [from, to] by Simpson's rule. */
export function integrate(f: (x: Tensor) => Tensor, from: number, to: number, intervals = 20_000): number {
  const width = (to - from) / intervals;
  const points = Float64Array.from({ length: intervals + 1 }, (_, i) => from + i * width);
  const values = compute(f(constant(points, [points.length])));
  const weight = (i: number) => (i === 0 || i === intervals ? 1 : i % 2 === 1 ? 4 : 2);
  return (width / 3) * values.reduce((sum, value, i) => sum + weight(i) * value, 0);
}
