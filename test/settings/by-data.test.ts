/** Defaults that follow from the images of a run, and who wins over them. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { flagName } from '../../src/cli/shared/flags.ts';
import type { ImageShape } from '../../src/data/dataset.ts';
import { choicesFor, type DataFacts, describeFacts } from '../../src/settings/by-data.ts';
import { checkBatch, checkConfig, checkEffect } from '../../src/settings/check.ts';
import { otherDefaults, possibleFacts, resolveConfig, resolveForData } from '../../src/settings/resolve.ts';
import { DEFAULTS, type RunConfig, SETTING_NAMES } from '../../src/settings/table.ts';

const photos = (images: number, imageShape: ImageShape = [3, 64, 64]): DataFacts => ({
  images,
  imageShape,
  fit: 'photo',
});
const DIGITS: DataFacts = { images: 60_000, imageShape: [1, 28, 28], fit: 'digit' };

/** As a user's own folder of images, checked. */
function resolved(given: Partial<RunConfig>, facts: DataFacts): RunConfig {
  const { settings, origins } = resolveForData({ dataset: '/images', ...given }, facts);
  checkEffect(given, settings);
  return checkConfig({ threads: 1, ...settings }, origins);
}

/** Updates of a run. */
const updatesOf = ({ steps, epochs, batchSize }: RunConfig, { images }: DataFacts): number =>
  steps ?? epochs * Math.ceil(images / batchSize);

describe('defaults for photographs', () => {
  for (const images of [1, 2, 3, 4, 30, 127, 500, 30_000, 49_999, 50_000, 202_599, 5_000_000]) {
    it(`make sense for ${images} images: several updates an epoch, and a length between its limits`, () => {
      for (const channels of [1, 3]) {
        const facts = photos(images, [channels, 64, 64]);
        const config = resolved({}, facts);
        expect(() => checkBatch(config, images)).not.toThrow();
        expect(config.batchSize).toBeLessThanOrEqual(Math.max(1, images / 4));
        expect(config.batchSize).toBeLessThanOrEqual(images < 50_000 ? 32 : 128);
        expect(config.epochs).toBeGreaterThanOrEqual(8);
        expect(config.epochs).toBeLessThanOrEqual(200);
        expect(config.klWarmUp).toBe(Math.round(updatesOf(config, facts) / 10));
      }
    });
  }

  it('give about ten thousand updates where the number of epochs allows it', () => {
    for (const images of [3000, 30_000, 50_000]) {
      const facts = photos(images);
      expect(Math.abs(updatesOf(resolved({}, facts), facts) / 10_000 - 1)).toBeLessThan(0.05);
    }
  });

  it('are convolutions and a map of latents, with a likelihood of bytes in colour or in grey', () => {
    const both = { model: 'conv', hidden: [], activation: ['silu'], initializer: 'he', latent: '16x16x16' };
    expect(resolved({}, photos(500))).toMatchObject({ ...both, likelihood: 'logistic-mixture', mixtures: 1 });
    const grey = resolved({}, photos(500, [1, 64, 64]));
    expect(grey).toMatchObject({ ...both, likelihood: 'discretised-logistic', mixtures: DEFAULTS.mixtures });
  });

  it('are dense layers and a number of latents for images too small to be halved twice', () => {
    for (const side of [1, 3, 7]) {
      const config = resolved({}, photos(500, [3, side, side]));
      expect(config).toMatchObject({ model: 'dense', latent: 128, likelihood: 'logistic-mixture' });
    }
    expect(resolved({}, photos(500, [3, 8, 8]))).toMatchObject({ model: 'conv', latent: '2x2x16' });
    const tooMany = { model: 'ladder', channels: [8, 8, 8, 8, 8] } as const;
    expect(resolved(tooMany, photos(500, [3, 16, 16])).latent).toBe('2x2x16');
  });

  it('give way to flags, and follow from them', () => {
    const given = { model: 'residual', latent: 7, batchSize: 50, learningRate: 0.01, klWarmUp: 3 } as const;
    expect(resolved(given, photos(1000))).toMatchObject({ ...given, hidden: [], epochs: 200 });
    expect(resolved({ batchSize: 10, epochs: 20 }, photos(1000)).klWarmUp).toBe(200);
    expect(resolved({ steps: 500 }, photos(1000))).toMatchObject({ steps: 500, klWarmUp: 50 });
    expect(resolved({ likelihood: 'normal' }, photos(1000)).mixtures).toBe(DEFAULTS.mixtures);
    expect(resolved({ objective: 'iwae', samples: 5 }, photos(1000)).klWarmUp).toBe(0);
  });

  it('leave a preset as it is, but for a batch larger than the training set', () => {
    const config = (images: number) => resolved({ preset: 'adcme' }, photos(images));
    expect(config(1000)).toEqual(resolved({ preset: 'adcme' }, DIGITS));
    const { settings, origins } = resolveForData({ preset: 'adcme' }, photos(30));
    expect([settings.batchSize, origins.batchSize]).toEqual([30, { by: 'count', insteadOf: 128 }]);
  });
});

describe('defaults for digits and garments', () => {
  it('are what they were when numbers were published', () => {
    for (const fit of ['digit', 'garment'] as const) {
      expect(resolveForData({}, { ...DIGITS, fit }).settings).toEqual(PUBLISHED);
    }
  });

  it('have a batch of all images where there are fewer, unless one is given', () => {
    const few: DataFacts = { ...DIGITS, images: 60 };
    expect(resolveForData({}, few).settings).toEqual({ ...PUBLISHED, batchSize: 60 });
    expect(() => checkBatch(resolved({ batchSize: 61 }, few), few.images)).toThrow(
      'batchSize 61: larger than the 60 training images; use a smaller number',
    );
  });
});

describe('the origin of a setting', () => {
  const originsOf = (given: Partial<RunConfig>, facts: DataFacts) => resolveForData(given, facts).origins;

  it('says who has set it, and for what', () => {
    expect(originsOf({ latent: 9, objective: 'autoencoder' }, photos(500))).toMatchObject({
      latent: { by: 'given' },
      model: { by: 'data', reason: 'images of 64 × 64' },
      likelihood: { by: 'data', reason: 'images in colour' },
      batchSize: { by: 'data', reason: '500 images' },
      epochs: { by: 'data', reason: '500 images in batches of 32' },
      hidden: { by: 'setting', field: 'model', value: 'conv' },
      posterior: { by: 'setting', field: 'objective', value: 'autoencoder' },
      klWarmUp: { by: 'default' },
      seed: { by: 'default' },
    });
    expect(originsOf({}, photos(500)).klWarmUp).toEqual({ by: 'data', reason: 'a run of 3200 updates' });
    expect(originsOf({ preset: 'tutorial', epochs: 2 }, DIGITS)).toMatchObject({
      latent: { by: 'preset', preset: 'tutorial' },
      epochs: { by: 'given' },
    });
  });

  it('is in the message of a mistake that the user has not made', () => {
    const { settings, origins } = resolveForData({ dataset: '/images' }, photos(500, [1, 32, 32]));
    const check = (wrong: Partial<RunConfig>) => () => checkConfig({ threads: 1, ...settings, ...wrong }, origins);
    expect(check({ likelihood: 'squared-error' })).toThrow(
      'likelihood squared-error (chosen for grey images): this is no density',
    );
    expect(check({ posterior: 'point' })).toThrow('posterior point (not given, so the default): ');
  });

  it('describes images in a few words', () => {
    expect(describeFacts(photos(500))).toBe('500 images of 64 × 64 in colour');
    expect(describeFacts(photos(1, [1, 32, 48]))).toBe('1 image of 32 × 48 in grey');
  });
});

describe('before the images are known', () => {
  it('both colours are possible, unless one is asked for', () => {
    const channelsOf = (given: Partial<RunConfig>) => possibleFacts(given).map(({ imageShape }) => imageShape[0]);
    expect(channelsOf({ dataset: '/images' })).toEqual([3, 1]);
    expect(channelsOf({ dataset: '/images', imageChannels: 1 })).toEqual([1]);
  });

  it('what loading needs is as it will be', () => {
    const given = { dataset: '/images', imageSize: 32, validation: 5, seed: 3, batchSize: 7 };
    expect(resolveConfig(given)).toMatchObject({ ...given, binarize: 'none' });
  });
});

/** Of docs/models.md: the choices that depend on the number of images. */
const COUNTED = ['batchSize', 'epochs', 'klWarmUp'] as const;
const COUNTS = [30, 500, 5000, 30_000, 50_000, 200_000];
/** Those that do not. */
const FIXED = [
  'model',
  'activation',
  'initializer',
  'initialBias',
  'likelihood',
  'mixtures',
  'learningRate',
  'schedule',
  'ema',
] as const;
/** The one that depends on the size of the images. */
const SIZED = ['latent'] as const;
const SIZES = [16, 27, 28, 32, 48, 50, 64, 96, 128, 256];

describe('docs/models.md', () => {
  const page = readFileSync('docs/models.md', 'utf8').split('\n');
  const tableAfter = (head: string): string[] => {
    const start = page.indexOf(head) + 2;
    return page.slice(
      start,
      page.findIndex((line, i) => i >= start && !line.startsWith('|')),
    );
  };
  const flags = (names: readonly (typeof COUNTED | typeof FIXED | typeof SIZED)[number][]) =>
    names.map((name) => `\`${flagName(name)}\``).join(' | ');

  it('has what is chosen for a number of images', () => {
    const rows = COUNTS.map((images) => {
      const choices = choicesFor(photos(images));
      return `| ${images} | ${COUNTED.map((name) => choices[name]?.value).join(' | ')} |`;
    });
    expect(tableAfter(`| training images | ${flags(COUNTED)} |`)).toEqual(rows);
  });

  it('has what is chosen for any number of them', () => {
    const rows = [
      ['in colour', 3],
      ['in grey', 1],
    ].map(([words, channels]) => {
      const choices = choicesFor(photos(500, [Number(channels), 64, 64]));
      return `| ${words} | ${FIXED.map((name) => choices[name]?.value ?? '').join(' | ')} |`;
    });
    expect(tableAfter(`| images | ${flags(FIXED)} |`)).toEqual(rows);
  });

  it('has what is chosen for a size', () => {
    const rows = SIZES.map((side) => {
      const chosen = (model: 'conv' | 'ladder') => choicesFor(photos(500, [3, side, side]), { model });
      const [map, ladder] = [chosen('conv'), chosen('ladder')];
      return `| ${side} × ${side} | ${map.latent?.value} | ${ladder.latent?.value} | ${ladder.layers?.value ?? ''} |`;
    });
    expect(tableAfter('| size | `--latent` | with `--model ladder` | `--layers` |')).toEqual(rows);
  });

  it('leaves nothing out that the rule chooses', () => {
    const chosen = SETTING_NAMES.filter((name) => otherDefaults(name).some(({ value }) => value === undefined));
    expect(new Set(chosen)).toEqual(new Set([...COUNTED, ...FIXED, ...SIZED]));
  });
});

/** The whole configuration of `vae train`, but for the number of threads. */
const PUBLISHED = {
  dataset: 'mnist',
  binarize: 'none',
  range: 'unit',
  flip: false,
  validation: 0,
  model: 'dense',
  hidden: [400],
  activation: ['relu'],
  channels: [],
  kernel: 4,
  blocks: 4,
  latent: 20,
  gated: false,
  layers: 3,
  dropout: 0,
  initializer: 'pytorch',
  initialBias: 'default',
  posterior: 'normal',
  scale: 'log-variance',
  flowSteps: 2,
  flowHidden: 256,
  flowContext: 128,
  likelihood: 'bernoulli',
  stddev: 1,
  squash: true,
  mixtures: 10,
  objective: 'elbo',
  kl: 'analytic',
  estimator: 'reparametrised',
  gradientVariance: false,
  beta: 1,
  klWarmUp: 0,
  freeBits: 0,
  samples: 1,
  optimizer: 'adam',
  learningRate: 1e-3,
  epsilon: 1e-8,
  momentum: 0,
  weightDecay: 0.01,
  schedule: 'constant',
  warmUp: 0,
  decay: 0.1,
  decayEvery: 10_000,
  floor: 0,
  clip: 0,
  gradientNorm: false,
  ema: 0,
  batchSize: 128,
  epochs: 10,
  patience: 0,
  seed: 0,
  keepEvery: 0,
  picturesEvery: 1,
  device: 'auto',
  precision: 'float32',
};
