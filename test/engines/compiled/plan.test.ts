import { describe, expect, it } from 'vitest';
import { type Plan, plan } from '../../../src/engines/compiled/plan.ts';
import { gradients } from '../../../src/tensor/gradients.ts';
import { createProgram } from '../../../src/tensor/program.ts';
import { argument, parameter } from '../../../src/tensor/tensor.ts';

describe('a deep program', () => {
  /** As many products as layers, each with a bias and an activation, and all derivatives. */
  const deep = (layers: number): Plan => {
    const weights = Array.from({ length: layers }, (_, i) => parameter(`w${i}`, [8, 8]));
    const biases = Array.from({ length: layers }, (_, i) => parameter(`b${i}`, [8]));
    const out = weights.reduce((x, w, i) => x.matmul(w).add(biases[i]).relu(), argument('x', [16, 8]));
    const loss = out.square().sum();
    const derived = gradients(loss, [...weights, ...biases]);
    return plan(createProgram('deep', { loss, ...Object.fromEntries(derived.map((d, i) => [`d${i}`, d])) }), 'test');
  };

  it('is planned in seconds, 1,000 layers too', { timeout: 60_000 }, () => {
    expect(deep(1000).groups.filter(({ kind }) => kind === 'product')).toHaveLength(2999);
  });
});
