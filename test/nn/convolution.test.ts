import { describe, expect, it } from 'vitest';
import { convolution, transposedConvolution } from '../../src/nn/convolution.ts';
import { argument } from '../../src/tensor/tensor.ts';
import { gradientError, rounded, sines, valuesOf } from './layer-values.ts';

// Golden numbers: torch 1.13.1, torch.set_default_dtype(torch.float64)
//   def show(m, *shape):
//     for p in m.parameters(): p.data = torch.arange(1., p.numel() + 1).sin().reshape(p.shape)
//     print(m(torch.arange(1., math.prod(shape) + 1).cos().reshape(shape)).flatten().tolist())

describe('a convolution', () => {
  it('computes what PyTorch computes', () => {
    // show(nn.Conv2d(2, 3, 3, 2, 1), 1, 2, 4, 3)
    const build = convolution(2, 3, { kernel: 3, stride: 2, padding: 1 });
    expect(rounded(valuesOf(build, [1, 2, 4, 3]))).toEqual([
      2.025032, 1.991348, 2.488141, 2.638708, 1.921852, 1.542896, 2.225338, 1.800398, 0.294773, -0.172006, 0.232457,
      -0.4793,
    ]);
  });

  it('is named, laid out and printed as in PyTorch', () => {
    const layer = convolution(2, 3, { kernel: 4, stride: 2, padding: 1 })('encoder.1');
    expect(layer.parameters.map(({ name, tensor }) => `${name} [${tensor.shape}]`)).toEqual([
      'encoder.1.weight [3,2,4,4]',
      'encoder.1.bias [3]',
    ]);
    expect(layer.pytorch).toBe('Conv2d(2, 3, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))');
    expect(convolution(2, 3, { kernel: 1 })('x').pytorch).toBe('Conv2d(2, 3, kernel_size=(1, 1), stride=(1, 1))');
  });

  it('begins within 1/√fanIn', () => {
    const [weight, bias] = convolution(9, 40, { kernel: 5 })('x').parameters;
    const largest = (values: Float32Array) => Math.max(...values.map(Math.abs));
    expect(largest(weight.initialise(1))).toBeLessThanOrEqual(1 / 15);
    expect(largest(weight.initialise(1))).toBeGreaterThan(0.99 / 15);
    expect(largest(bias.initialise(1))).toBeGreaterThan(0.8 / 15);
  });

  it('keeps every axis before the channels', () => {
    const layer = convolution(2, 3, { kernel: 3, padding: 1 })('x');
    for (const leading of [[], [5], [4, 5], [2, 4, 5]]) {
      expect(layer.apply(argument('x', [...leading, 2, 6, 7]), 'training').shape).toEqual([...leading, 3, 6, 7]);
    }
    expect(valuesOf(() => layer, [2, 3, 2, 6, 7])).toEqual(valuesOf(() => layer, [6, 2, 6, 7]));
  });

  it('says what does not fit', () => {
    const layer = convolution(2, 3, { kernel: 5, padding: 1 })('encoder.1');
    const apply = (...shape: number[]) => layer.apply(argument('x', shape), 'training');
    expect(() => apply(8, 3, 6, 6)).toThrow('convolution "encoder.1": expected input [..., 2, H, W], got [8, 3, 6, 6]');
    expect(() => apply(8, 72)).toThrow(
      'convolution "encoder.1": expected input [..., 2, H, W], got [8, 72]; unflatten the pixels first',
    );
    expect(() => apply(8, 2, 2, 6)).toThrow(
      'convolution "encoder.1": a kernel of 5 × 5 does not fit images of 2 × 6 padded by 1',
    );
  });
});

describe('a transposed convolution', () => {
  it('computes what PyTorch computes, to the size that is asked for', () => {
    // show(nn.ConvTranspose2d(3, 2, 3, 2, 1, output_padding=(1, 0)), 1, 3, 2, 2)
    const build = transposedConvolution(3, 2, { kernel: 3, stride: 2, padding: 1, size: [4, 3] });
    expect(rounded(valuesOf(build, [1, 3, 2, 2]))).toEqual([
      0.227847, 0.949933, 0.561104, 1.365589, 0.238011, 0.669987, 1.152129, 1.55605, 1.457536, 0.436987, 0.046182,
      0.098769, 1.840001, 1.171091, 1.246674, 0.397868, 1.391386, 1.420516, 0.343164, 0.001639, -0.039845, 1.540018,
      1.846366, 1.934112,
    ]);
  });

  it('is named, laid out and printed as in PyTorch', () => {
    const window = { kernel: 3, stride: 2, padding: 1 };
    const layer = transposedConvolution(3, 2, { ...window, size: [4, 3] })('decoder.4');
    expect(layer.parameters.map(({ name, tensor }) => `${name} [${tensor.shape}]`)).toEqual([
      'decoder.4.weight [3,2,3,3]',
      'decoder.4.bias [2]',
    ]);
    const printed = 'ConvTranspose2d(3, 2, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1)';
    expect(layer.pytorch).toBe(`${printed}, output_padding=(1, 0))`);
    expect(transposedConvolution(3, 2, window)('x').pytorch).toBe(`${printed})`);
  });

  it('begins within 1/√fanIn, counted as PyTorch counts it: from the outputs', () => {
    const [weight] = transposedConvolution(40, 9, { kernel: 5 })('x').parameters;
    const largest = Math.max(...weight.initialise(1).map(Math.abs));
    expect(largest).toBeLessThanOrEqual(1 / 15);
    expect(largest).toBeGreaterThan(0.99 / 15);
  });

  it('says what does not fit', () => {
    const layer = transposedConvolution(3, 2, { kernel: 4, stride: 2, padding: 1, size: [14, 14] })('decoder.4');
    const apply = (...shape: number[]) => layer.apply(argument('x', shape), 'training');
    expect(apply(5, 8, 3, 7, 7).shape).toEqual([5, 8, 2, 14, 14]);
    expect(() => apply(8, 3, 6, 7)).toThrow(
      'transposed convolution "decoder.4": expected input [..., 3, 7, 7] to reach 14 × 14, got [8, 3, 6, 7]',
    );
    expect(() => apply(8, 2, 7, 7)).toThrow(
      'transposed convolution "decoder.4": expected input [..., 3, H, W], got [8, 2, 7, 7]',
    );
  });

  it('leads to the least size where none is asked for', () => {
    for (const [kernel, stride, padding] of [
      [4, 2, 1],
      [3, 3, 1],
      [2, 3, 0],
    ]) {
      const layer = transposedConvolution(1, 1, { kernel, stride, padding })('x');
      const side = 4 * stride - 2 * padding + kernel;
      expect(layer.apply(argument('x', [1, 1, 5, 5]), 'training').shape).toEqual([1, 1, side, side]);
    }
  });
});

it('the gradients of both equal central differences', () => {
  const layers = [
    convolution(2, 3, { kernel: 3, stride: 2, padding: 1 })('x'),
    transposedConvolution(2, 3, { kernel: 3, stride: 2, padding: 1, size: [10, 9] })('x'),
  ];
  for (const layer of layers) expect(gradientError(layer, [2, 2, 5, 5], sines(layer))).toBeLessThan(1e-7);
});
