import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ImageShape } from '../../src/nn/images.ts';
import type { Layer } from '../../src/nn/layer.ts';
import { sizeOf } from '../../src/tensor/shape.ts';
import { argument } from '../../src/tensor/tensor.ts';
import { latentCount } from '../../src/vae/latent-map.ts';
import { networks } from '../../src/vae/networks/index.ts';
import type { NetworkConfig } from '../../src/vae/networks/network.ts';
import { gradientError, sines } from '../nn/layer-values.ts';

const config: NetworkConfig = {
  hidden: [5],
  activation: ['relu'],
  dropout: 0,
  initializer: 'pytorch',
  channels: [],
  kernel: 4,
  blocks: 0,
  latent: 3,
};

const shapesOf = ({ parameters }: Layer) => parameters.map(({ name, tensor }) => `${name} [${tensor.shape}]`);

/** Encodes images [5, C·H·W] to `latents` and decodes two samples each: the shapes of the code and of the pixels. */
function throughBoth(
  name: 'dense' | 'conv' | 'residual',
  image: ImageShape,
  decoded: ImageShape,
  given: NetworkConfig,
) {
  const [encoder, decoder] = [networks[name].encoder(image, 3, given), networks[name].decoder(3, decoded, given)];
  return [
    encoder.apply(argument('x', [5, sizeOf(image)]), 'training').shape,
    decoder.apply(argument('z', [2, 5, 3]), 'training').shape,
  ];
}

describe('every network', () => {
  const side = fc.integer({ min: 8, max: 40 });
  const image = fc.tuple(fc.constantFrom(1, 3), side, side);
  const levels = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 });
  const activation = fc.constantFrom(['relu'] as const, ['elu', 'tanh'] as const);
  const settings = fc.record({
    hidden: fc.constantFrom([7, 5], [4, 6]),
    activation,
    dropout: fc.constantFrom(0, 0.2),
    initializer: fc.constant('pytorch' as const),
    channels: levels,
    kernel: fc.integer({ min: 2, max: 5 }),
    blocks: fc.integer({ min: 1, max: 2 }),
    latent: fc.constant(3),
  });

  it('encodes to the code and decodes to the very size of the images, with any values a pixel', () => {
    fc.assert(
      fc.property(image, settings, fc.integer({ min: 1, max: 4 }), ([c, h, w], given, values) => {
        for (const name of ['dense', 'conv'] as const) {
          expect(throughBoth(name, [c, h, w], [values * c, h, w], given)).toEqual([
            [5, 3],
            [2, 5, values * c * h * w],
          ]);
        }
        // Sides that can be halved as often as there are levels.
        const [rows, columns] = [h, w].map((n) => 2 ** given.channels.length * Math.ceil(n / 8));
        expect(throughBoth('residual', [c, rows, columns], [values * c, rows, columns], given)).toEqual([
          [5, 3],
          [2, 5, values * c * rows * columns],
        ]);
      }),
      { numRuns: 60 },
    );
  });

  it('has a decoder of transposed convolutions with the shapes of the encoder, for any size and kernel', () => {
    fc.assert(
      fc.property(image, settings, (shape, every) => {
        const given = { ...every, blocks: 0 };
        const convolutions = (layer: Layer) =>
          layer.parameters.flatMap(({ tensor }) => (tensor.rank === 4 ? [tensor.shape] : []));
        const [encoder, decoder] = [networks.conv.encoder(shape, 3, given), networks.conv.decoder(3, shape, given)];
        expect(convolutions(decoder)).toEqual(convolutions(encoder).reverse());
      }),
    );
  });

  for (const name of ['dense', 'conv', 'residual'] as const) {
    it(`of kind ${name} has gradients that equal central differences`, () => {
      const given: NetworkConfig = { ...config, activation: ['silu'], channels: [8, 12], kernel: 3, blocks: 2 };
      const image: ImageShape = [2, 4, 4];
      const [encoder, decoder] = [networks[name].encoder(image, 3, given), networks[name].decoder(3, image, given)];
      const begin = ({ parameters }: Layer) =>
        Object.fromEntries(parameters.map(({ name: of, initialise }) => [of, Float64Array.from(initialise(1))]));
      // The differences themselves err by the third derivative, which is large behind several norms.
      expect(gradientError(encoder, [2, 32], begin(encoder))).toBeLessThan(1e-6);
      expect(gradientError(decoder, [1, 2, 3], begin(decoder))).toBeLessThan(1e-6);
    });
  }
});

describe('a dense network', () => {
  const given: NetworkConfig = { ...config, hidden: [6, 4], activation: ['elu', 'tanh'], dropout: 0.1 };

  it('has its hidden layers and activations in reverse in the decoder', () => {
    const kinds = ({ pytorch }: Layer) => [...pytorch.matchAll(/\(\d+\): (\w+)/g)].map(([, kind]) => kind);
    const [encoder, decoder] = [
      networks.dense.encoder([1, 3, 3], 4, given),
      networks.dense.decoder(2, [1, 3, 3], given),
    ];
    expect(kinds(encoder)).toEqual(['Linear', 'ELU', 'Dropout', 'Linear', 'Tanh', 'Dropout', 'Linear']);
    expect(kinds(decoder)).toEqual(['Linear', 'Tanh', 'Dropout', 'Linear', 'ELU', 'Dropout', 'Linear']);
    expect(shapesOf(decoder).filter((line) => line.includes('weight'))).toEqual([
      'decoder.0.weight [4,2]',
      'decoder.3.weight [6,4]',
      'decoder.6.weight [9,6]',
    ]);
  });
});

describe('a convolutional network', () => {
  const channelsOf = (shape: ImageShape, kernel = 4) =>
    networks.conv
      .encoder(shape, 3, { ...config, kernel })
      .parameters.flatMap(({ tensor }) => (tensor.rank === 4 ? [tensor.shape[0]] : []));

  it('has a level for each time that the smaller side can be halved to 4 or more', () => {
    expect(channelsOf([1, 28, 28])).toEqual([32, 64]);
    expect(channelsOf([3, 32, 32])).toEqual([32, 64, 128]);
    expect(channelsOf([3, 32, 100])).toEqual([32, 64, 128]);
    expect(channelsOf([3, 64, 64])).toEqual([32, 64, 128, 256]);
    expect(channelsOf([3, 128, 128])).toEqual([32, 64, 128, 256, 256]);
    expect(channelsOf([1, 15, 15])).toEqual([32]);
    expect(channelsOf([1, 15, 15], 3)).toEqual([32, 64]);
  });

  it('is two mirrored Sequentials of PyTorch', () => {
    const given: NetworkConfig = { ...config, hidden: [256], activation: ['relu'] };
    expect(networks.conv.encoder([1, 28, 27], 40, given).pytorch.split('\n')).toEqual([
      'Sequential(',
      '  (0): Unflatten(dim=-1, unflattened_size=(1, 28, 27))',
      '  (1): Conv2d(1, 32, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))',
      '  (2): ReLU()',
      '  (3): Conv2d(32, 64, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))',
      '  (4): ReLU()',
      '  (5): Flatten(start_dim=-3, end_dim=-1)',
      '  (6): Linear(in_features=2688, out_features=256, bias=True)',
      '  (7): ReLU()',
      '  (8): Linear(in_features=256, out_features=40, bias=True)',
      ')',
    ]);
    expect(networks.conv.decoder(20, [2, 28, 27], given).pytorch.split('\n')).toEqual([
      'Sequential(',
      '  (0): Linear(in_features=20, out_features=256, bias=True)',
      '  (1): ReLU()',
      '  (2): Linear(in_features=256, out_features=2688, bias=True)',
      '  (3): Unflatten(dim=-1, unflattened_size=(64, 7, 6))',
      '  (4): ReLU()',
      '  (5): ConvTranspose2d(64, 32, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), output_padding=(0, 1))',
      '  (6): ReLU()',
      '  (7): ConvTranspose2d(32, 2, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), output_padding=(0, 1))',
      '  (8): Flatten(start_dim=-3, end_dim=-1)',
      ')',
    ]);
  });

  it('says how often an image can be halved', () => {
    const build = (shape: ImageShape, channels: number[]) => () =>
      networks.conv.encoder(shape, 3, { ...config, channels });
    expect(build([1, 8, 8], [32, 64, 128, 256])).toThrow(
      'channels 32,64,128,256: an image of 8 × 8 can be halved 3 times at most',
    );
    expect(build([1, 3, 40], [8, 8])).toThrow('channels 8,8: an image of 3 × 40 can be halved once at most');
    expect(build([1, 7, 40], [])).toThrow('an image of 7 × 40 cannot be halved to sides of 4 or more; use model dense');
  });
});

describe('a convolutional network with a map of latents', () => {
  const given: NetworkConfig = { ...config, hidden: [], channels: [4, 6], blocks: 1, latent: '2x2x3' };

  it('encodes to values of each place of the map and back, with nothing that knows the size of the images', () => {
    const partsOf = (side: number, latent: NetworkConfig['latent'], latents: number) => {
      const shape: ImageShape = [1, side, side];
      const [encoder, decoder] = [
        networks.conv.encoder(shape, 2 * latents, { ...given, latent }),
        networks.conv.decoder(latents, [5, side, side], { ...given, latent }),
      ];
      expect(encoder.apply(argument('x', [4, side * side]), 'training').shape).toEqual([4, 2 * latents]);
      expect(decoder.apply(argument('z', [2, 4, latents]), 'training').shape).toEqual([2, 4, 5 * side * side]);
      return [encoder, decoder].map(shapesOf);
    };
    expect(partsOf(8, '2x2x3', 12)).toEqual(partsOf(16, '4x4x3', 48));
    expect(partsOf(11, '2x2x3', 12)).toEqual(partsOf(8, '2x2x3', 12));
  });

  it('rounds odd sides down where its kernel is even, and up where it is odd', () => {
    const reached = (kernel: number, latent: NetworkConfig['latent']) => () => {
      const [shape, parts]: [ImageShape, NetworkConfig] = [[1, 27, 13], { ...given, latent, kernel }];
      const count = latentCount(latent);
      const z = networks.conv.encoder(shape, count, parts).apply(argument('x', [4, 27 * 13]), 'training');
      return networks.conv.decoder(count, shape, parts).apply(z, 'training').shape;
    };
    expect(reached(4, '6x3x3')()).toEqual([4, 27 * 13]);
    expect(reached(3, '7x4x3')()).toEqual([4, 27 * 13]);
    expect(reached(3, '6x3x3')).toThrow('an image of 27 × 13 cannot be halved to a map of 6 × 3; use latent 7x4x16');
  });

  it('has gradients that equal central differences', () => {
    const image: ImageShape = [2, 8, 8];
    const parts = { ...given, activation: ['silu'] } as const;
    const [encoder, decoder] = [networks.conv.encoder(image, 24, parts), networks.conv.decoder(12, image, parts)];
    const small = (layer: Layer) =>
      Object.fromEntries(Object.entries(sines(layer)).map(([name, values]) => [name, values.map((v) => 0.3 * v)]));
    expect(gradientError(encoder, [2, 128], small(encoder))).toBeLessThan(1e-7);
    expect(gradientError(decoder, [1, 2, 12], small(decoder))).toBeLessThan(1e-7);
  });

  it('has a level of 64 channels for each halving, unless chosen', () => {
    const channelsOf = (latent: NetworkConfig['latent'], image: ImageShape) =>
      networks.conv
        .encoder(image, 32, { ...given, channels: [], blocks: 0, latent })
        .parameters.flatMap(({ tensor }) => (tensor.rank === 4 ? [tensor.shape[0]] : []))
        .slice(0, -1);
    expect(channelsOf('8x8x16', [3, 32, 32])).toEqual([64, 64]);
    expect(channelsOf('4x8x16', [3, 64, 128])).toEqual([64, 64, 64, 64]);
  });

  it('says what leads to a map', () => {
    const build = (latent: NetworkConfig['latent'], image: ImageShape, channels: readonly number[] = []) => {
      return () => networks.conv.encoder(image, 32, { ...given, channels, latent });
    };
    expect(build('3x3x4', [1, 32, 32])).toThrow(
      'latent 3x3x4: an image of 32 × 32 cannot be halved to a map of 3 × 3; use latent 8x8x16',
    );
    expect(build('32x32x4', [1, 32, 32])).toThrow('cannot be halved to a map of 32 × 32; use latent 8x8x16');
    expect(build('8x4x4', [1, 32, 32])).toThrow('cannot be halved to a map of 8 × 4');
    expect(build('25x25x4', [1, 50, 30])).toThrow('cannot be halved to a map of 25 × 25; use latent 12x7x16');
    expect(build('9x9x4', [1, 27, 27])).toThrow('cannot be halved to a map of 9 × 9; use latent 6x6x16');
    expect(build('2x2x4', [1, 3, 3])).toThrow('cannot be halved to a map of 2 × 2; use latent 1x1x16');
    expect(build('1x1x4', [1, 1, 9])).toThrow(/an image of 1 × 9 cannot be halved to a map of 1 × 1$/);
    expect(build('8x8x4', [1, 32, 32], [7])).toThrow(
      'channels 7: expected 2 numbers, one for each halving that leads to a map of 8x8x4',
    );
    expect(build('4x4x4', [1, 8, 8], [7, 7])).toThrow('channels 7,7: expected 1 number, one for each halving');
  });
});

describe('a residual network', () => {
  it('has the layers of the CIFAR-10 recipe', () => {
    const given: NetworkConfig = { ...config, blocks: 4 };
    const encoder = networks.residual.encoder([3, 32, 32], 32, given);
    const decoder = networks.residual.decoder(16, [3, 32, 32], given);
    const lines = (layer: Layer) =>
      [...layer.pytorch.matchAll(/^ {2}\((\d+)\): (.*)$/gm)].map(([, at, text]) => `${at} ${text}`);
    const blocks = (from: number) => Array.from({ length: 12 }, (_, i) => `${from + i} ResidualBlock(`);
    expect(lines(encoder)).toEqual([
      '0 Unflatten(dim=-1, unflattened_size=(3, 32, 32))',
      '1 Conv2d(3, 32, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))',
      ...blocks(2),
      '14 LayerNorm2d((256,), eps=1e-06, elementwise_affine=True)',
      '15 ReLU()',
      '16 AdaptiveAvgPool2d(output_size=1)',
      '17 Flatten(start_dim=-3, end_dim=-1)',
      '18 Linear(in_features=256, out_features=32, bias=True)',
    ]);
    expect(lines(decoder)).toEqual([
      '0 Linear(in_features=16, out_features=4096, bias=True)',
      '1 Unflatten(dim=-1, unflattened_size=(256, 4, 4))',
      ...blocks(2),
      '14 LayerNorm2d((32,), eps=1e-06, elementwise_affine=True)',
      '15 ReLU()',
      '16 Conv2d(32, 3, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))',
      '17 Flatten(start_dim=-3, end_dim=-1)',
    ]);
    const resized = (layer: Layer) => shapesOf(layer).filter((line) => /skip.*weight/.test(line));
    expect(resized(encoder)).toEqual([
      'encoder.2.skip.1.weight [64,32,1,1]',
      'encoder.6.skip.1.weight [128,64,1,1]',
      'encoder.10.skip.1.weight [256,128,1,1]',
    ]);
    expect(resized(decoder)).toEqual([
      'decoder.5.skip.0.weight [128,256,1,1]',
      'decoder.9.skip.0.weight [64,128,1,1]',
      'decoder.13.skip.0.weight [32,64,1,1]',
    ]);
  });

  it('takes as many levels by rule as the image has even halves', () => {
    const levels = (shape: ImageShape) =>
      shapesOf(networks.residual.encoder(shape, 3, config)).filter((line) => /skip.*weight/.test(line)).length;
    expect([levels([1, 28, 28]), levels([3, 64, 64]), levels([3, 12, 40])]).toEqual([2, 3, 1]);
  });

  it('says how often an image can be halved', () => {
    const build = (shape: ImageShape, channels: number[]) => () =>
      networks.residual.decoder(3, shape, { ...config, channels });
    expect(build([1, 28, 28], [64, 128, 256])).toThrow(
      'channels 64,128,256: an image of 28 × 28 can be halved 2 times at most',
    );
    expect(build([1, 27, 28], [64])).toThrow('channels 64: an image of 27 × 28 cannot be halved');
    expect(build([1, 27, 28], [])).toThrow('an image of 27 × 28 cannot be halved to sides of 4 or more');
  });
});
