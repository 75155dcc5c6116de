import { describe, expect, it } from 'vitest';
import { clipByNorm, globalNorm } from '../../src/nn/clipping.ts';
import { constant } from '../../src/tensor/tensor.ts';
import { compute, vector } from '../vae/compute.ts';

const gradients = [vector(3, -4), constant(Float64Array.of(12), [1, 1])];
const clipped = (limit: number) => {
  const result = clipByNorm(gradients, limit);
  return { norm: compute(result.norm)[0], values: result.gradients.map((g) => [...compute(g)]) };
};

describe('clipping by the global norm', () => {
  it('takes the norm over all gradients together', () => expect(compute(globalNorm(gradients))[0]).toBe(13));

  // torch 1.13.1: p.grad = [3, -4] and [[12]]; torch.nn.utils.clip_grad_norm_(ps, 1.) returns 13 and leaves
  it('shortens as PyTorch does', () => {
    const { norm, values } = clipped(1);
    expect(norm).toBe(13);
    const expected = [0.23076921301775288, -0.3076922840236705, 0.9230768520710115];
    values.flat().forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 14);
    });
  });

  it('leaves short gradients exactly as they are', () => {
    expect(clipped(100)).toEqual({ norm: 13, values: [[3, -4], [12]] });
  });

  it('takes a limit that is known only when the program runs', () => {
    const result = clipByNorm(gradients, constant(6.5));
    expect(compute(result.gradients[0])[0]).toBeCloseTo(1.5, 6);
  });

  it('leaves zeros alone', () => {
    expect([...compute(clipByNorm([vector(0, 0)], 1).gradients[0])]).toEqual([0, 0]);
  });
});
