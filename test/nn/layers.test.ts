import { describe, expect, it } from 'vitest';
import { type ActivationName, activation, activations } from '../../src/nn/activations.ts';
import { dense } from '../../src/nn/dense.ts';
import { dropout } from '../../src/nn/dropout.ts';
import { sequential } from '../../src/nn/layer.ts';
import { initializers } from '../../src/nn/parameter.ts';
import { argument, topologicalOrder } from '../../src/tensor/tensor.ts';
import { compute, vector } from '../vae/compute.ts';

describe('layers in a row', () => {
  const network = sequential('encoder', [dense(6, 4), activation('elu'), dropout(0.1), dense(4, 2)]);

  it('are named as in torch.nn.Sequential', () => {
    const shapes = network.parameters.map(({ name, tensor }) => `${name} [${tensor.shape}]`);
    expect(shapes).toEqual([
      'encoder.0.weight [4,6]',
      'encoder.0.bias [4]',
      'encoder.3.weight [2,4]',
      'encoder.3.bias [2]',
    ]);
  });

  it('print as PyTorch prints them', () => {
    expect(network.pytorch).toBe(
      [
        'Sequential(',
        '  (0): Linear(in_features=6, out_features=4, bias=True)',
        '  (1): ELU(alpha=1.0)',
        '  (2): Dropout(p=0.1, inplace=False)',
        '  (3): Linear(in_features=4, out_features=2, bias=True)',
        ')',
      ].join('\n'),
    );
  });

  it('keep the axes before the last', () => {
    expect(network.apply(argument('x', [5, 6]), 'training').shape).toEqual([5, 2]);
    expect(network.apply(argument('x', [3, 5, 6]), 'training').shape).toEqual([3, 5, 2]);
  });

  it('draw dropout in training only', () => {
    const inputs = (mode: 'training' | 'evaluation') =>
      topologicalOrder([network.apply(argument('x', [5, 6]), mode)]).filter(({ primitive }) => primitive === 'input');
    expect(inputs('training').length - inputs('evaluation').length).toBe(1);
  });

  it('say which layer does not fit, and what to do', () => {
    const images = argument('x', [5, 28, 28]);
    expect(() => network.apply(images, 'training')).toThrow(
      'dense "encoder.0": expected input [..., 6], got [5, 28, 28]; flatten the images first',
    );
  });
});

describe('first values', () => {
  const key = { seed: 1, stream: 'w', step: 0 };
  const spread = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

  it('of PyTorch lie within 1/√fanIn, uniformly', () => {
    const values = initializers.pytorch.weight([300, 100], 100, 300, key);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.1);
    expect(spread(values)).toBeCloseTo(0.1 / Math.sqrt(3), 3);
    expect(new Set(initializers.pytorch.bias([5], 100, 300, key)).size).toBe(5);
  });
  it('of He have variance 2/fanIn, and biases of zero', () => {
    expect(spread(initializers.he.weight([300, 100], 100, 300, key))).toBeCloseTo(Math.sqrt(2 / 100), 2);
    expect([...initializers.he.bias([2], 100, 300, key)]).toEqual([0, 0]);
  });
  it('of Glorot have variance 2/(fanIn + fanOut)', () => {
    expect(spread(initializers.glorot.weight([300, 100], 100, 300, key))).toBeCloseTo(Math.sqrt(2 / 400), 3);
  });
  it('follow from the seed and the name alone', () => {
    const [weight, bias] = dense(6, 4)('a').parameters;
    expect(dense(6, 4)('a').parameters[0].initialise(3)).toEqual(weight.initialise(3));
    expect(dense(6, 4)('b').parameters[0].initialise(3)).not.toEqual(weight.initialise(3));
    expect(weight.initialise(4)).not.toEqual(weight.initialise(3));
    expect(bias.initialise(3)).not.toEqual(weight.initialise(3).slice(0, 4));
  });
});

describe('activations', () => {
  const values = Float64Array.of(-800, -2, -0.5, 0, 0.5, 2, 800);
  const byHand: { readonly [K in ActivationName]: (x: number) => number } = {
    relu: (x) => Math.max(x, 0),
    'leaky-relu': (x) => (x > 0 ? x : 0.01 * x),
    elu: (x) => (x > 0 ? x : Math.expm1(x)),
    silu: (x) => x / (1 + Math.exp(-x)),
    tanh: Math.tanh,
    sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    softplus: (x) => (x > 700 ? x : Math.log1p(Math.exp(x))),
  };
  for (const [name, f] of Object.entries(byHand)) {
    it(`${name} is what its name says`, () => {
      compute(activations[name as ActivationName].apply(vector(...values))).forEach((value, i) => {
        expect(value).toBeCloseTo(f(values[i]), 12);
      });
    });
  }
});
