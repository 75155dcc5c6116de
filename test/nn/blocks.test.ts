import { describe, expect, it } from 'vitest';
import type { LayerBuilder } from '../../src/nn/layer.ts';
import { channelNorm } from '../../src/nn/normalisation.ts';
import { averagePool, globalAveragePool, upsample } from '../../src/nn/pooling.ts';
import { flatten, unflatten } from '../../src/nn/reshaping.ts';
import { lightBlock, residualBlock } from '../../src/nn/residual.ts';
import type { NumericArray } from '../../src/tensor/primitives.ts';
import { argument, constant } from '../../src/tensor/tensor.ts';
import { compute } from '../vae/compute.ts';
import { cosines, gradientError, rounded, sines, valuesOf } from './layer-values.ts';

// Golden numbers: torch 1.13.1, `show` as in convolution.test.ts, and
//   class LN(nn.LayerNorm):
//     def forward(self, x): return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

const applied = (build: LayerBuilder, ...shape: number[]) => build('x').apply(argument('x', shape), 'training').shape;

describe('layer normalisation over channels', () => {
  it('computes what PyTorch computes', () => {
    // show(LN((3,), eps=1e-6), 1, 3, 2, 2)
    expect(rounded(valuesOf(channelNorm(3), [1, 3, 2, 2]))).toEqual([
      1.598985, 0.493336, -0.233836, -0.063285, 1.358896, 2.162331, 1.96734, 0.674723, -0.055696, 0.005038, 0.157251,
      0.329258,
    ]);
  });

  it('begins with mean 0 and variance 1 over the channels of each position', () => {
    const layer = channelNorm(4)('x');
    const begin = Object.fromEntries(layer.parameters.map(({ name, initialise }) => [name, initialise(1)]));
    const x = constant(Float64Array.of(1, 20, 3, 40, 5, 60, 9, 80), [1, 4, 1, 2]);
    const y = compute(layer.apply(x, 'training'), begin);
    for (const column of [0, 1]) {
      const channels = [0, 1, 2, 3].map((c) => y[2 * c + column]);
      expect(channels.reduce((sum, v) => sum + v, 0)).toBeCloseTo(0, 10);
      expect(channels.reduce((sum, v) => sum + v * v, 0) / 4).toBeCloseTo(1, 5);
    }
  });

  it('has gradients that equal central differences', () => {
    const layer = channelNorm(3)('x');
    expect(gradientError(layer, [2, 3, 2, 2], sines(layer))).toBeLessThan(1e-7);
  });
});

describe('pooling', () => {
  // 0 1 | 2 3
  // 4 5 | 6 7
  const image = constant(
    Float64Array.from({ length: 16 }, (_, i) => i),
    [1, 2, 2, 4],
  );
  const values = (build: LayerBuilder) => [...compute(build('x').apply(image, 'training'))];

  it('averages over the image', () => expect(values(globalAveragePool)).toEqual([3.5, 11.5]));
  it('averages every 2 × 2 pixels', () => expect(values(averagePool)).toEqual([2.5, 4.5, 10.5, 12.5]));
  it('repeats every pixel as 2 × 2', () => {
    expect(values(upsample).slice(0, 16)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 1, 1, 2, 2, 3, 3]);
  });
  it('undoes the repetition by the average', () => {
    expect([...compute(averagePool('x').apply(upsample('x').apply(image, 'training'), 'training'))]).toEqual([
      ...compute(image),
    ]);
  });
  it('keeps every axis before the channels', () => {
    expect(applied(globalAveragePool, 5, 4, 3, 2, 6)).toEqual([5, 4, 3, 1, 1]);
    expect(applied(averagePool, 5, 4, 3, 2, 6)).toEqual([5, 4, 3, 1, 3]);
    expect(applied(upsample, 3, 2, 6)).toEqual([3, 4, 12]);
  });
  it('says that an odd side has no half', () => {
    expect(() => applied(averagePool, 1, 3, 4, 7)).toThrow('average pool "x": expected even sides, got [1, 3, 4, 7]');
  });
});

describe('flatten and unflatten', () => {
  it('count axes from the end', () => {
    expect(applied(flatten(3), 5, 2, 3, 4)).toEqual([5, 24]);
    expect(applied(flatten(3), 6, 5, 2, 3, 4)).toEqual([6, 5, 24]);
    expect(applied(unflatten([2, 3, 4]), 6, 5, 24)).toEqual([6, 5, 2, 3, 4]);
  });
  it('print as in PyTorch', () => {
    expect(flatten(3)('x').pytorch).toBe('Flatten(start_dim=-3, end_dim=-1)');
    expect(unflatten([2, 3, 4])('x').pytorch).toBe('Unflatten(dim=-1, unflattened_size=(2, 3, 4))');
  });
  it('say what does not fit', () => {
    expect(() => applied(flatten(3), 5, 2)).toThrow('flatten "x": expected at least 3 axes, got [5, 2]');
    expect(() => applied(unflatten([2, 3, 4]), 5, 25)).toThrow(
      'unflatten "x": expected input [..., 24] for [2, 3, 4], got [5, 25]',
    );
  });
});

describe('a residual block', () => {
  // def block(a, spatial, skip):
  //   n = lambda c: LN((c,), eps=1e-6)
  //   body = nn.Sequential(n(a), nn.ReLU(), nn.Conv2d(a, 4, 1), n(4), nn.ReLU(), spatial, n(4), nn.ReLU(), nn.Conv2d(4, 16, 1))
  //   show(a module whose forward(x) is body(x) + skip(x), 1, a, 2, 2): the first values
  const first = (build: LayerBuilder, inputs: number) => rounded(valuesOf(build, [1, inputs, 2, 2]).slice(0, 8));

  it('computes what PyTorch computes', () => {
    // block(16, nn.Conv2d(4, 4, 3, 1, 1), nn.Sequential())
    expect(first(residualBlock(16, 16), 16)).toEqual([
      4.217905, 2.703942, 2.096728, 2.818072, -1.15149, 0.225644, 0.788111, -0.594499,
    ]);
  });
  it('computes what PyTorch computes when it halves', () => {
    // block(4, nn.Conv2d(4, 4, 3, 2, 1), nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(4, 16, 1)))
    expect(first(residualBlock(4, 16, { resize: 'halve' }), 4)).toEqual([
      3.244656, 1.434856, -0.777817, 0.255933, -3.171086, -0.690028, 2.738722, 0.247357,
    ]);
  });
  it('computes what PyTorch computes when it doubles', () => {
    // block(4, nn.ConvTranspose2d(4, 4, 4, 2, 1), nn.Sequential(nn.Conv2d(4, 16, 1), nn.Upsample(scale_factor=2)))
    expect(first(residualBlock(4, 16, { resize: 'double' }), 4)).toEqual([
      3.533394, 3.425854, 3.563246, 3.597614, 3.994071, 3.907612, 3.984628, 4.006888,
    ]);
  });

  it('names its parameters as nested modules of PyTorch', () => {
    const { parameters, pytorch } = residualBlock(4, 8, { resize: 'halve' })('encoder.3');
    expect(parameters.map(({ name, tensor }) => `${name} [${tensor.shape}]`)).toEqual([
      'encoder.3.body.0.weight [4]',
      'encoder.3.body.0.bias [4]',
      'encoder.3.body.2.weight [2,4,1,1]',
      'encoder.3.body.2.bias [2]',
      'encoder.3.body.3.weight [2]',
      'encoder.3.body.3.bias [2]',
      'encoder.3.body.5.weight [2,2,3,3]',
      'encoder.3.body.5.bias [2]',
      'encoder.3.body.6.weight [2]',
      'encoder.3.body.6.bias [2]',
      'encoder.3.body.8.weight [8,2,1,1]',
      'encoder.3.body.8.bias [8]',
      'encoder.3.skip.1.weight [8,4,1,1]',
      'encoder.3.skip.1.bias [8]',
    ]);
    expect(pytorch.split('\n').slice(-6)).toEqual([
      '  )',
      '  (skip): Sequential(',
      '    (0): AvgPool2d(kernel_size=2, stride=2, padding=0)',
      '    (1): Conv2d(4, 8, kernel_size=(1, 1), stride=(1, 1))',
      '  )',
      ')',
    ]);
  });

  it('has gradients that equal central differences', () => {
    for (const resize of ['halve', 'double'] as const) {
      const layer = residualBlock(3, 12, { resize, activation: 'silu' })('x');
      expect(gradientError(layer, [2, 3, 2, 4], sines(layer))).toBeLessThan(1e-7);
    }
  });
});

describe('a light block', () => {
  const SHAPE = [1, 3, 2, 2] as const;
  const blockOf = (gated: boolean, dropout = 0) =>
    lightBlock(3, { activation: 'silu', initializer: 'he', gated, dropout })('x');

  it('begins as the identity', () => {
    for (const gated of [false, true]) {
      const layer = blockOf(gated);
      const begin = Object.fromEntries(layer.parameters.map(({ name, initialise }) => [name, initialise(1)]));
      const x = constant(cosines(SHAPE), SHAPE);
      expect(compute(layer.apply(x, 'training'), begin)).toEqual(compute(x, {}));
    }
  });

  it('with a gate multiplies what it adds: a closed one adds nothing, an open one the whole', () => {
    const [plain, gated] = [blockOf(false), blockOf(true)];
    const x = argument('x', SHAPE);
    const values = { x: cosines(SHAPE) };
    const [weight, bias] = gated.parameters.slice(-2).map(({ name }) => name);
    const common = sines(plain);
    const added = compute(plain.apply(x, 'evaluation'), { ...common, ...values });
    for (const [gate, share] of [
      [-200, 0],
      [0, 0.5],
      [200, 1],
    ]) {
      const half = { weight: [...common[weight], ...new Float64Array(9)], bias: [...common[bias], gate, gate, gate] };
      const parameters = { ...common, [weight]: Float64Array.from(half.weight), [bias]: Float64Array.from(half.bias) };
      compute(gated.apply(x, 'evaluation'), { ...parameters, ...values }).forEach((value, i) => {
        expect(value).toBeCloseTo(values.x[i] + share * (added[i] - values.x[i]), 12);
      });
    }
  });

  it('drops in training alone', () => {
    const layer = blockOf(false, 0.5);
    const x = constant(cosines(SHAPE), SHAPE);
    const [first, second] = [0, 1].map((step) => compute(layer.apply(x, 'training'), sines(layer), step));
    expect(first).not.toEqual(second);
    expect(compute(layer.apply(x, 'evaluation'), sines(layer), 0)).toEqual(
      compute(blockOf(false).apply(x, 'evaluation'), renamed(sines(layer))),
    );
  });

  it('has gradients that equal central differences', () => {
    for (const gated of [false, true]) {
      const layer = blockOf(gated);
      expect(gradientError(layer, [2, 3, 2, 4], sines(layer))).toBeLessThan(1e-7);
    }
  });
});

/** A block without dropout has its last layer one place earlier. */
const renamed = (values: Readonly<Record<string, NumericArray>>): Record<string, NumericArray> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name.replace('body.4', 'body.3'), value]));
