/** The work that machines, engines and changes are compared by. */

import type { ImageShape } from '../data/dataset.ts';
import { presets } from '../settings/presets.ts';
import { resolveForData } from '../settings/resolve.ts';
import { DEFAULTS, type RunConfig } from '../settings/table.ts';

export interface Benchmark {
  readonly summary: string;
  readonly imageShape: ImageShape;
  readonly config: Partial<RunConfig>;
  /** Images, or latents, of one call. */
  readonly batch: number;
  /** A training step by default. */
  readonly work?: 'importance' | 'decode';
}

const GREY: ImageShape = [1, 28, 28];
const COLOUR: ImageShape = [3, 32, 32];

/** The settings of a run on 20,000 images in colour, by the rule of settings/by-data.ts. */
function forPhotos(side: number, given: Partial<RunConfig> = {}): Pick<Benchmark, 'imageShape' | 'config' | 'batch'> {
  const imageShape: ImageShape = [3, side, side];
  const { settings: config } = resolveForData(given, { images: 20_000, imageShape, fit: 'photo' });
  return { imageShape, config, batch: config.batchSize ?? DEFAULTS.batchSize };
}

export const benchmarks = {
  dense: {
    summary: 'training step, 784-500-500-20 and back, elu and tanh',
    imageShape: GREY,
    config: { hidden: [500, 500], activation: ['elu', 'tanh'], latent: 20 },
    batch: 128,
  },
  'mnist-conv': {
    summary: 'training step, convolutions to 32 and 64 channels, dense 256, 20 latents, 28 × 28 grey',
    imageShape: GREY,
    config: { model: 'conv', channels: [32, 64], hidden: [256], latent: 20 },
    batch: 128,
  },
  'cifar-conv': {
    summary: 'training step, convolutions to 32, 64 and 128 channels, dense 256, 20 latents, 32 × 32 colour',
    imageShape: COLOUR,
    config: { model: 'conv', channels: [32, 64, 128], hidden: [256], latent: 20 },
    batch: 128,
  },
  residual: {
    summary: 'training step of the preset cifar: 24 residual blocks, normal pixels',
    imageShape: COLOUR,
    config: presets.cifar.config,
    batch: 128,
  },
  photo: {
    summary: 'training step of the default for 32 × 32 colour: a map of latents, a logistic for each pixel',
    ...forPhotos(32),
  },
  'photo-64': {
    summary: 'training step of the default for 64 × 64 colour',
    ...forPhotos(64),
  },
  ladder: {
    summary: 'training step of the default of --model ladder for 32 × 32 colour: three layers of latents',
    ...forPhotos(32, { model: 'ladder' }),
  },
  iwae: {
    summary: 'training step of the importance weighted bound, 50 samples, 784-200-200-50 tanh',
    imageShape: GREY,
    config: { hidden: [200, 200], activation: ['tanh'], latent: 50, objective: 'iwae', samples: 50 },
    batch: 20,
  },
  planar: {
    summary: 'training step of the preset seminar-flow: ten planar flows',
    imageShape: GREY,
    config: presets['seminar-flow'].config,
    batch: 128,
  },
  autoregressive: {
    summary: 'training step of the preset altosaar-flow: two inverse autoregressive steps',
    imageShape: GREY,
    config: { ...presets['altosaar-flow'].config, binarize: 'none' },
    batch: 128,
  },
  evaluation: {
    summary: 'importance sampling, 100 samples of each of 20 images (a run of vae evaluate), 784-400-20',
    imageShape: GREY,
    config: { samples: 100 },
    batch: 20,
    work: 'importance',
  },
  sampling: {
    summary: 'decoding 100 latents with the network of mnist-conv',
    imageShape: GREY,
    config: { model: 'conv', channels: [32, 64], hidden: [256], latent: 20 },
    batch: 100,
    work: 'decode',
  },
} as const satisfies Readonly<Record<string, Benchmark>>;

export type BenchmarkName = keyof typeof benchmarks;
