/** How many latents there are: a number, or a map of them that keeps the places of the image. */

import { ConfigError } from '../base/errors.ts';
import type { Rule } from '../base/rules.ts';
import type { ImageShape } from '../nn/images.ts';
import type { Pair } from '../tensor/primitives.ts';
import { sizeOf, windowCount } from '../tensor/shape.ts';

/** Height × width × channels, as papers write it: `8x8x16`. */
export type LatentMap = `${number}x${number}x${number}`;
export type LatentSize = number | LatentMap;

/** Channels of a map that nobody has chosen. */
export const MAP_CHANNELS = 16;

const PATTERN = /^([1-9]\d*)x([1-9]\d*)x([1-9]\d*)$/;

export const LATENT_MAP: Rule<LatentMap> = {
  expects: 'a map such as 8x8x16: height, width and channels',
  accepts: (value): value is LatentMap => mapShape(value) !== undefined,
  parse: (text) => text,
  schema: { type: 'string', pattern: PATTERN.source },
};

/** [C, H, W] of a map; undefined of what is none. */
export function mapShape(latent: unknown): ImageShape | undefined {
  const [, height, width, channels] = typeof latent === 'string' ? (PATTERN.exec(latent) ?? []) : [];
  return channels === undefined ? undefined : [Number(channels), Number(height), Number(width)];
}

export const formatMap = ([channels, height, width]: ImageShape): LatentMap => `${height}x${width}x${channels}`;

/** L, of the smallest map where there are several. */
export const latentCount = (latent: LatentSize): number =>
  typeof latent === 'number' ? latent : sizeOf(mapShape(latent)!);

/** Padding with which a stride of 2 halves the sides: an even kernel rounds an odd side down, an odd one rounds it up. */
export const halvingPadding = (kernel: number): number => Math.floor((kernel - 1) / 2);

/** A side after a convolution of stride 2; undefined of a single pixel, which has no half. */
export const halfOf = (side: number, kernel: number): number | undefined =>
  side < 2 ? undefined : windowCount(side, kernel, 2, halvingPadding(kernel));

/** The sides [H, W] of an image after each halving, for as long as both have a half. */
export function halvesOf([, height, width]: ImageShape, kernel: number): Pair[] {
  const halves: Pair[] = [];
  let sides: readonly (number | undefined)[] = [height, width];
  for (;;) {
    sides = sides.map((side) => halfOf(side!, kernel));
    const [rows, columns] = sides;
    if (rows === undefined || columns === undefined) return halves;
    halves.push([rows, columns]);
  }
}

/**
 * How often the sides of an image are halved to those of a map.
 * @throws ConfigError where no number of halvings leads there.
 */
export function halvingsTo(latent: LatentMap, imageShape: ImageShape, kernel: number): number {
  const [, rows, columns] = mapShape(latent)!;
  const halves = halvesOf(imageShape, kernel);
  const found = halves.findIndex((sides) => sides[0] === rows && sides[1] === columns);
  if (found >= 0) return found + 1;
  const [, height, width] = imageShape;
  const problem = `an image of ${height} × ${width} cannot be halved to a map of ${rows} × ${columns}`;
  const twice = halves[1] ?? halves[0];
  const remedies = twice === undefined ? [] : [{ field: 'latent', value: formatMap([MAP_CHANNELS, ...twice]) }];
  throw new ConfigError(problem, { field: 'latent', value: latent, remedies });
}

/** The same map for images of another size; what is no map stays. */
export function latentsFor(latent: LatentSize, from: ImageShape, to: ImageShape, kernel: number): LatentSize {
  if (typeof latent === 'number') return latent;
  const [channels] = mapShape(latent)!;
  return formatMap([channels, ...halvesOf(to, kernel)[halvingsTo(latent, from, kernel) - 1]]);
}
