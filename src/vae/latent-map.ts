/** How many latents there are: a number, or a map of them that keeps the places of the image. */

import { ConfigError } from '../base/errors.ts';
import type { Rule } from '../base/rules.ts';
import type { ImageShape } from '../nn/images.ts';
import { sizeOf } from '../tensor/shape.ts';

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

/**
 * How often the sides of an image are halved to those of a map.
 * @throws ConfigError where no number of halvings leads there.
 */
export function halvingsTo(latent: LatentMap, [, height, width]: ImageShape): number {
  const [, rows, columns] = mapShape(latent)!;
  const halvings = Math.log2(height / rows);
  if (Number.isInteger(halvings) && halvings > 0 && columns * 2 ** halvings === width) return halvings;
  const remedies = remediesFor([height, width]);
  const reason = remedies.length === 0 ? ': an odd side has no half' : '';
  const problem = `an image of ${height} × ${width} cannot be halved to a map of ${rows} × ${columns}${reason}`;
  throw new ConfigError(problem, { field: 'latent', value: latent, remedies });
}

/** Halved twice, as far as the sides are even. */
function remediesFor([height, width]: readonly [number, number]) {
  const times = [4, 2].find((stride) => height % stride === 0 && width % stride === 0);
  return times === undefined
    ? []
    : [{ field: 'latent', value: formatMap([MAP_CHANNELS, height / times, width / times]) }];
}

/** The same map for images of another size; what is no map stays. */
export function latentsFor(latent: LatentSize, from: ImageShape, to: ImageShape): LatentSize {
  const map = mapShape(latent);
  return map === undefined ? latent : formatMap([map[0], (map[1] * to[1]) / from[1], (map[2] * to[2]) / from[2]]);
}
