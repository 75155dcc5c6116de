import { describe, expect, it } from 'vitest';
import { peakBytes } from '../../src/tensor/footprint.ts';
import { argument, data, noise, parameter, type Tensor } from '../../src/tensor/tensor.ts';

/** Kilobytes of 256 floats. */
const kilobytes = (outputs: Record<string, Tensor>): number =>
  peakBytes({ name: 'test', outputs, gradients: {} }) / 1024;
const x = argument('x', [256]);

describe('the peak of a program', () => {
  it('has the values that are needed at once, and not those that are no longer', () => {
    // x and what is computed in place of its own operand.
    expect(kilobytes({ y: x.exp().exp().exp() })).toBe(2);
    // x, its exponential, kept for the sum, and the logarithm.
    const kept = x.exp();
    expect(kilobytes({ y: kept.add(kept.log()) })).toBe(3);
    // A transposition cannot be made in place.
    const matrix = x.exp().reshape(16, 16);
    expect(kilobytes({ y: matrix.transpose().exp() })).toBe(3);
  });

  it('has every result, noise and argument, and no parameters or data', () => {
    expect(kilobytes({ a: x.exp(), b: x.log(), c: x.tanh() })).toBe(4);
    expect(kilobytes({ y: x.add(noise('n', { kind: 'uniform' }, [256])) })).toBe(3);
    expect(kilobytes({ y: parameter('w', [256]).add(data('d', [256], 'float')) })).toBe(1);
  });

  it('has a value once, however often it is reshaped, and bytes as bytes', () => {
    expect(kilobytes({ y: x.exp().reshape(2, 128).reshape(4, 64).exp() })).toBe(2);
    expect(kilobytes({ y: data('d', [256], 'uint8').cast('bool').cast('float') })).toBe(1.25);
  });

  it('grows with the samples, where it is most', () => {
    const sampled = (samples: number) => {
      const z = noise('z', { kind: 'uniform' }, [samples, 256]);
      return kilobytes({ y: z.exp().mul(z).sum() });
    };
    expect(sampled(1000) / sampled(100)).toBeCloseTo(10, 1);
  });
});
