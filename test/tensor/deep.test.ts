/** Depth costs time in proportion, and no call stack. */

import { expect, it } from 'vitest';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram, formatProgram, rootsOf } from '../../src/tensor/program.ts';
import { argument, parameter, topologicalOrder } from '../../src/tensor/tensor.ts';
import { verify } from '../../src/tensor/verify.ts';

it('10,000 layers are built, derived, simplified, verified and printed in seconds', { timeout: 60_000 }, () => {
  const weights = Array.from({ length: 10_000 }, (_, i) => parameter(`w${i}`, [4, 4]));
  const loss = weights
    .reduce((x, w) => x.matmul(w).relu(), argument('x', [2, 4]))
    .square()
    .sum();
  const derived = Object.fromEntries(gradients(loss, weights).map((gradient, i) => [`w${i}`, gradient]));
  const program = createProgram('deep', { loss, ...derived });
  verify(program);
  expect(topologicalOrder(rootsOf(program)).length).toBeGreaterThan(50_000);
  expect(formatProgram(program).split('\n').length).toBeGreaterThan(60_000);
});
