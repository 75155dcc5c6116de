/**
 * The rule: defaults that follow from the images, each with its reason. Of a user's own images and other photographs one
 * table of defaults would be wrong for most: they may be few or many, grey or in colour.
 */

import { counted } from '../base/words.ts';
import type { Fit, ImageShape } from '../data/dataset.ts';
import type { RunConfig, SettingName } from './table.ts';

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
const MOST_EPOCHS = 400;
/** Share of the updates over which the KL term gets its weight: latents stay in use that it would switch off at first. */
const KL_WARM_UP = 1 / 10;

const LATENTS = 128;
const LEARNING_RATE = 1e-3;
/** One logistic a pixel; what counts in colour is that each channel's mean follows the channels before it. */
const MIXTURES_IN_COLOUR = 1;

const inColour = ([channels]: ImageShape): boolean => channels > 1;

const batchFor = (images: number): number =>
  Math.max(1, Math.min(images < MANY_IMAGES ? SMALL_BATCH : LARGE_BATCH, Math.floor(images * LARGEST_SHARE)));

const epochsFor = (stepsPerEpoch: number): number =>
  Math.min(MOST_EPOCHS, Math.max(FEWEST_EPOCHS, Math.round(UPDATES / stepsPerEpoch)));

const forPhotos: Rule = ({ images, imageShape }, said) => {
  const { batchSize = batchFor(images) } = said;
  const stepsPerEpoch = Math.ceil(images / batchSize);
  const { epochs = epochsFor(stepsPerEpoch) } = said;
  const { steps = epochs * stepsPerEpoch } = said;

  const because = {
    size: `images of ${describeSize(imageShape)}`,
    colour: inColour(imageShape) ? 'images in colour' : 'grey images',
    count: counted(images, 'image'),
    epoch: `${counted(images, 'image')} in batches of ${batchSize}`,
    run: `a run of ${counted(steps, 'update')}`,
  };
  const pixels: Choices = inColour(imageShape)
    ? {
        likelihood: { value: 'logistic-mixture', reason: because.colour },
        mixtures: { value: MIXTURES_IN_COLOUR, reason: because.colour },
      }
    : { likelihood: { value: 'discretised-logistic', reason: because.colour } };
  return {
    model: { value: 'conv', reason: because.size },
    activation: { value: ['silu'], reason: because.size },
    latent: { value: LATENTS, reason: because.size },
    initializer: { value: 'he', reason: because.size },
    ...pixels,
    klWarmUp: { value: Math.round(steps * KL_WARM_UP), reason: because.run },
    learningRate: { value: LEARNING_RATE, reason: because.size },
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
