/** From bytes to the model's input: scaled, binarised, mirrored, disturbed. A part of every program that reads images. */

import { ConfigError } from '../base/errors.ts';
import { constant, noise, type Tensor } from '../tensor/tensor.ts';
import type { Binarisation } from './binarise.ts';
import type { ImageShape } from './dataset.ts';

const WHITE = 255;

const INPUT_NOISES = ['salt-and-pepper', 'normal'] as const;
type InputNoiseKind = (typeof INPUT_NOISES)[number];

/** Its kind and strength: `salt-and-pepper:0.1` turns a tenth of the values black or white, `normal:0.1` adds N(0, 0.1²). */
export type InputNoise = `${InputNoiseKind}:${number}`;

/**
 * `label` is the setting's name in a message.
 * @throws ConfigError if the text is not a kind and a strength.
 */
export function parseInputNoise(value: string, label: string): { kind: InputNoiseKind; strength: number } {
  const [kind, strength, ...rest] = value.split(':');
  const known = INPUT_NOISES.find((name) => name === kind);
  const amount = Number(strength === '' ? Number.NaN : strength);
  const fits = amount > 0 && (known === 'normal' ? amount < 10 : amount <= 1);
  if (known === undefined || !fits || rest.length > 0) {
    throw new ConfigError(
      `${label} ${value}: expected a kind and its strength, such as salt-and-pepper:0.1 or normal:0.1`,
    );
  }
  return { kind: known, strength: amount };
}

export interface Preprocessing {
  readonly imageShape: ImageShape;
  readonly binarise: Binarisation;
  /** The ends of the scale that pixels are given on. */
  readonly low: number;
  readonly high: number;
  /** Whether each image is mirrored, left to right, in half of its uses. */
  readonly flip: boolean;
  /** Disturbs what the encoder sees, but not the target: Vincent et al. (2008). */
  readonly inputNoise?: InputNoise;
}

/** A model's inputs in training: [B, D] each. */
export interface Example {
  readonly target: Tensor;
  /** The target as the encoder sees it. */
  readonly seen: Tensor;
}

/** uint8 pixels [B, D] as targets, [B, D] from low to high. */
export function targets(pixels: Tensor, { binarise, low, high, flip, imageShape }: Preprocessing): Tensor {
  const grey = pixels.cast('float').mul(1 / WHITE);
  const oriented = flip ? mirrored(grey, imageShape) : grey;
  const unit =
    binarise === 'stochastic'
      ? noise('binarisation', { kind: 'uniform' }, pixels.shape).less(oriented).cast('float')
      : oriented;
  return unit.mul(high - low).add(low);
}

export function examples(pixels: Tensor, preprocessing: Preprocessing): Example {
  const target = targets(pixels, preprocessing);
  const { inputNoise } = preprocessing;
  return { target, seen: inputNoise === undefined ? target : disturbed(target, inputNoise, preprocessing) };
}

function mirrored(images: Tensor, [channels, height, width]: ImageShape): Tensor {
  const [batch] = images.shape;
  const backwards = constant(
    Int32Array.from({ length: width }, (_, i) => width - 1 - i),
    [width],
    'int32',
  );
  const reversed = images
    .reshape(batch, channels * height, width)
    .gather(backwards, 2)
    .reshape(...images.shape);
  const chosen = noise('flip', { kind: 'bernoulli', probability: 0.5 }, [batch, 1]).greater(0.5);
  return chosen.where(reversed, images);
}

function disturbed(target: Tensor, inputNoise: InputNoise, { low, high }: Preprocessing): Tensor {
  const { kind, strength } = parseInputNoise(inputNoise, 'input noise');
  if (kind === 'normal')
    return target.add(noise('input noise', { kind: 'standardNormal' }, target.shape).mul(strength));
  const draw = noise('input noise', { kind: 'uniform' }, target.shape);
  return draw.less(strength / 2).where(low, draw.greater(1 - strength / 2).where(high, target));
}
