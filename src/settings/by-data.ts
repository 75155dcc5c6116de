/**
 * The rule: defaults that follow from the images, each with its reason. Of a user's own images and other photographs one
 * table of defaults would be wrong for most: they may be few or many, grey or in colour.
 */

import { counted } from '../base/words.ts';
import type { Fit, ImageShape } from '../data/dataset.ts';
import { formatMap, halvesOf, type LatentMap, MAP_CHANNELS } from '../vae/latent-map.ts';
import { networks } from '../vae/networks/index.ts';
import { DEFAULTS, type RunConfig, type SettingName } from './table.ts';

/** What is known of a run's images once they are loaded. */
export interface DataFacts {
  /** Training images. */
  readonly images: number;
  readonly imageShape: ImageShape;
  readonly fit: Fit;
}

/** A value that the rule chooses, and in a few words for what. */
export interface Choice<T = unknown> {
  readonly value: T;
  readonly reason: string;
}

export type Choices = { readonly [K in SettingName]?: Choice<NonNullable<RunConfig[K]>> };

type Rule = (facts: DataFacts, said: Partial<RunConfig>) => Choices;

/** From so many training images on an epoch has updates enough with a large batch. */
const MANY_IMAGES = 50_000;
const SMALL_BATCH = 32;
const LARGE_BATCH = 128;
/** A batch is no more than this share of the images, so that an epoch has several updates. */
const LARGEST_SHARE = 1 / 4;

/** A run has about so many updates, within these numbers of epochs. */
const UPDATES = 10_000;
const FEWEST_EPOCHS = 8;
const MOST_EPOCHS = 200;
/** Share of the updates over which the KL term gets its weight: latents stay in use that it would switch off at first. */
const KL_WARM_UP = 1 / 10;

const LEARNING_RATE = 2e-3;
const EMA = 0.999;
/** One logistic a pixel; what counts in colour is that each channel's mean follows the channels before it. */
const MIXTURES_IN_COLOUR = 1;

/** A map of latents has sides halved at least twice, and at most so many places in a row. */
const FEWEST_HALVINGS = 2;
const LARGEST_MAP = 16;
const SMALLEST_MAP = 2;
/** Layers of a ladder above that map, each with half its sides. */
const LAYERS_ABOVE = 2;
const FEWEST_LAYERS = 2;
/** Latents where the sides cannot be halved so often. */
const LATENTS = 128;

const inColour = ([channels]: ImageShape): boolean => channels > 1;

const batchFor = (images: number): number =>
  Math.max(1, Math.min(images < MANY_IMAGES ? SMALL_BATCH : LARGE_BATCH, Math.floor(images * LARGEST_SHARE)));

const epochsFor = (stepsPerEpoch: number): number =>
  Math.min(MOST_EPOCHS, Math.max(FEWEST_EPOCHS, Math.round(UPDATES / stepsPerEpoch)));

type Kind = Pick<RunConfig, 'model' | 'latent'> & { readonly layers?: number };

/** Convolutions and a map of latents where the sides can be halved often enough, else dense layers and a number of latents. */
function kindFor(shape: ImageShape, said: Partial<RunConfig>): Kind {
  const { channels = [], hidden = [], kernel = DEFAULTS.kernel } = said;
  const [, height, width] = shape;
  const halves = halvesOf(shape, kernel).filter((sides) => Math.min(...sides) >= SMALLEST_MAP);
  const mapAfter = (times: number): LatentMap => formatMap([MAP_CHANNELS, ...halves[times - 1]]);
  const byRule = Math.max(FEWEST_HALVINGS, Math.ceil(Math.log2(Math.max(height, width) / LARGEST_MAP)));
  // Whoever gives channels says how often the sides are halved; dense layers go with a number of latents.
  const halvings = channels.length > 0 ? channels.length : byRule;
  const most = halves.length;
  const { model = most < FEWEST_HALVINGS ? 'dense' : 'conv' } = said;
  const { latents } = networks[model];
  const hasMap = latents === 'map' ? most > 0 : latents === 'either' && most >= halvings && hidden.length === 0;
  if (!hasMap) return { model, latent: LATENTS };
  if (latents === 'either') return { model, latent: mapAfter(halvings) };
  const top = Math.min(most, channels.length > 0 ? halvings : halvings + LAYERS_ABOVE);
  return { model, latent: mapAfter(top), layers: Math.max(FEWEST_LAYERS, top - byRule + 1) };
}

const forPhotos: Rule = ({ images, imageShape }, said) => {
  const { batchSize = batchFor(images) } = said;
  const { model, latent, layers } = kindFor(imageShape, said);
  const stepsPerEpoch = Math.ceil(images / batchSize);
  const { epochs = epochsFor(stepsPerEpoch) } = said;
  const { steps = epochs * stepsPerEpoch } = said;

  const because = {
    size: `images of ${describeSize(imageShape)}`,
    colour: inColour(imageShape) ? 'images in colour' : 'grey images',
    count: counted(images, 'image'),
    epoch: `${counted(images, 'image')} in batches of ${batchSize}`,
    pixels: 'the mean and the spread of the pixels',
    run: `a run of ${counted(steps, 'update')}`,
  };
  const pixels: Choices = inColour(imageShape)
    ? {
        likelihood: { value: 'logistic-mixture', reason: because.colour },
        mixtures: { value: MIXTURES_IN_COLOUR, reason: because.colour },
      }
    : { likelihood: { value: 'discretised-logistic', reason: because.colour } };
  return {
    model: { value: model, reason: because.size },
    activation: { value: ['silu'], reason: because.size },
    latent: { value: latent, reason: because.size },
    ...(layers && { layers: { value: layers, reason: because.size } }),
    initializer: { value: 'he', reason: because.size },
    initialBias: { value: 'data-alone', reason: because.pixels },
    ...pixels,
    klWarmUp: { value: Math.round(steps * KL_WARM_UP), reason: because.run },
    ema: { value: EMA, reason: because.run },
    learningRate: { value: LEARNING_RATE, reason: because.size },
    schedule: { value: 'cosine', reason: because.run },
    batchSize: { value: batchSize, reason: because.count },
    ...(said.steps === undefined && { epochs: { value: epochs, reason: because.epoch } }),
  };
};

/** Digits and garments keep the defaults of the table, which published numbers were measured with. */
const RULES: Readonly<Record<Fit, Rule>> = { digit: () => ({}), garment: () => ({}), photo: forPhotos };

/** What the rule chooses for the images. What the user has said counts for other settings; their own are left as they are. */
export const choicesFor = (facts: DataFacts, said: Partial<RunConfig> = {}): Choices => RULES[facts.fit](facts, said);

const describeSize = ([, height, width]: ImageShape): string => `${height} × ${width}`;

/** "500 images of 64 × 64 in colour" */
export const describeFacts = ({ images, imageShape }: DataFacts): string =>
  `${counted(images, 'image')} of ${describeSize(imageShape)} in ${inColour(imageShape) ? 'colour' : 'grey'}`;
