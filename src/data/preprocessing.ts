/** From bytes to what the model is given: scaled, binarised, mirrored, disturbed. A part of every program that reads images. */

import type { Rule } from '../base/rules.ts';
import { constant, noise, type Tensor } from '../tensor/tensor.ts';
import { type Binarisation, binarisations } from './binarise.ts';
import type { ImageShape } from './dataset.ts';

const WHITE = 255;

const INPUT_NOISES = ['salt-and-pepper', 'normal'] as const;
type InputNoiseKind = (typeof INPUT_NOISES)[number];

/** Its kind and strength: `salt-and-pepper:0.1` turns a tenth of the values black or white, `normal:0.1` adds N(0, 0.1²). */
export type InputNoise = `${InputNoiseKind}:${number}`;

/** Its kind and strength; undefined where the text is not both. */
function parseInputNoise(value: string): { kind: InputNoiseKind; strength: number } | undefined {
  const [name, strength, ...rest] = value.split(':');
  const kind = INPUT_NOISES.find((known) => known === name);
  const amount = Number(strength === '' ? Number.NaN : strength);
  if (kind === undefined || rest.length > 0 || !(amount > 0)) return undefined;
  const fits = kind === 'normal' ? amount < 10 : amount <= 1;
  return fits ? { kind, strength: amount } : undefined;
}

export const INPUT_NOISE: Rule<InputNoise> = {
  expects: 'a kind and its strength, such as salt-and-pepper:0.1 or normal:0.1',
  accepts: (value): value is InputNoise => typeof value === 'string' && parseInputNoise(value) !== undefined,
  parse: (text) => text,
  schema: { type: 'string', pattern: `^(${INPUT_NOISES.join('|')}):[0-9.eE+-]+$` },
};

export interface Preprocessing {
  readonly imageShape: ImageShape;
  readonly binarise: Binarisation;
  /** The ends of the scale that pixels are given on. */
  readonly low: number;
  readonly high: number;
  /** Whether each image is mirrored, left to right, half the times that it is used. */
  readonly flip: boolean;
  /** Disturbs what the encoder sees, and not what it is asked to make of it: Vincent et al. (2008). */
  readonly inputNoise?: InputNoise;
}

/** What a model learns from: [B, D] each. */
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
    binarisations[binarise].drawn === 'at each use'
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
  const { kind, strength } = parseInputNoise(inputNoise)!;
  if (kind === 'normal')
    return target.add(noise('input noise', { kind: 'standardNormal' }, target.shape).mul(strength));
  const draw = noise('input noise', { kind: 'uniform' }, target.shape);
  return draw.less(strength / 2).where(low, draw.greater(1 - strength / 2).where(high, target));
}
