/** The levels of a network of convolutions: how often an image is halved, to which sides, with how many channels. */

import { ConfigError } from '../../base/errors.ts';
import { counted } from '../../base/words.ts';
import type { ImageShape } from '../../nn/images.ts';
import type { LayerBuilder } from '../../nn/layer.ts';
import { lightBlock } from '../../nn/residual.ts';
import type { Pair } from '../../tensor/primitives.ts';
import { halvingsTo, type LatentMap } from '../latent-map.ts';
import { type HierarchyConfig, MAP_WIDTH } from './network.ts';

/** One halving: its channels on the side of the pixels and on that of the latents, and the sides before and behind it. */
export interface Level {
  readonly outer: number;
  readonly inner: number;
  readonly size: Pair;
  readonly half: Pair;
}

type LightBlocksConfig = Pick<HierarchyConfig, 'activation' | 'initializer' | 'dropout' | 'gated'>;

export interface LevelRule {
  /** A side's half, or undefined where it has none. */
  halve(side: number): number | undefined;
  /** The channels of a level that nobody chose, or undefined where there should be no such level. */
  channels(level: number): number | undefined;
}

/** No level that is chosen by rule makes a side smaller than this. */
const SMALLEST_SIDE = 4;

/**
 * The levels for images of a shape, from the pixels inwards, and the shape [C, H, W] after the last. `stem` is the
 * number of channels that the first level starts from. Without `chosen` channels, there is a level for as long as the
 * rule knows channels and the halves are not smaller than 4.
 * @throws ConfigError where an image cannot be halved so many times, or not once.
 */
export function levelsOf(
  [, height, width]: ImageShape,
  stem: number,
  chosen: readonly number[],
  rule: LevelRule,
): { readonly levels: readonly Level[]; readonly code: ImageShape } {
  const byRule = chosen.length === 0;
  const levels: Level[] = [];
  let size: Pair = [height, width];
  let outer = stem;
  for (let i = 0; ; i++) {
    const inner = byRule ? rule.channels(i) : chosen[i];
    if (inner === undefined) break;
    const [rows, columns] = [rule.halve(size[0]), rule.halve(size[1])];
    const fits = rows !== undefined && columns !== undefined;
    if (byRule && (!fits || Math.min(rows, columns) < SMALLEST_SIDE)) break;
    if (!fits)
      throw new ConfigError(`an image of ${height} × ${width} ${limit(i)}`, { field: 'channels', value: chosen });
    const half: Pair = [rows, columns];
    levels.push({ outer, inner, size, half });
    size = half;
    outer = inner;
  }
  if (levels.length === 0) {
    throw new ConfigError(`an image of ${height} × ${width} cannot be halved to sides of ${SMALLEST_SIDE} or more`, {
      remedies: [{ field: 'model', value: 'dense' }],
    });
  }
  return { levels, code: [outer, ...size] };
}

/**
 * The channels of each halving that leads to a map of latents: those chosen, otherwise as many at every level.
 * @throws ConfigError where the images cannot be halved to the map, or other than its halvings have channels.
 */
export function channelsTo(
  latent: LatentMap,
  imageShape: ImageShape,
  chosen: readonly number[],
  kernel: number,
): readonly number[] {
  const halvings = halvingsTo(latent, imageShape, kernel);
  if (chosen.length === 0) return Array.from({ length: halvings }, () => MAP_WIDTH);
  if (chosen.length === halvings) return chosen;
  const problem = `expected ${counted(halvings, 'number')}, one for each halving that leads to a map of ${latent}`;
  throw new ConfigError(problem, { field: 'channels', value: chosen });
}

/** The light residual blocks of a level. */
export const lightBlocks = (
  channels: number,
  count: number,
  { activation: [kind], initializer, dropout, gated }: LightBlocksConfig,
): LayerBuilder[] =>
  Array.from({ length: count }, () => lightBlock(channels, { activation: kind, initializer, dropout, gated }));

const limit = (times: number): string =>
  times === 0 ? 'cannot be halved' : `can be halved ${times === 1 ? 'once' : `${times} times`} at most`;
