/** Options about latents. */

import type { Option } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { choice, either, integer, list, number, type Rule } from '../../base/rules.ts';
import { latentStatistics } from '../../evaluation/latent-statistics.ts';
import { largest } from '../../inference/latent-space.ts';
import { withPart } from './dataset.ts';
import type { LoadedModel } from './model.ts';
import { checkedOption } from './options.ts';
import { nats } from './words.ts';

/** Latents further from 0 than this show nothing of use. */
const MOST_DEVIATIONS = 100;

const RANGE_RULE = number({ above: 0, most: MOST_DEVIATIONS });

/** One for all layers of latents, or several from the top; the last one counts for all layers below it. */
export const TEMPERATURES = list(
  number({ least: 0, most: MOST_DEVIATIONS }),
  `a number of at least 0 and at most ${MOST_DEVIATIONS}, or several for layers of latents such as 0.7,0.9,1`,
);

const anyLatents = list(integer(0), 'latents such as 0,3,5, counted from 0, each of them once');

const some: Rule<readonly number[]> = {
  ...anyLatents,
  accepts: (value): value is readonly number[] => anyLatents.accepts(value) && new Set(value).size === value.length,
};
const all = choice(['all']);

/** `all`, or some. */
const SOME_OR_ALL: Rule<'all' | readonly number[]> = {
  ...either(all, some),
  parse: (text) => (all.accepts(text) ? text : some.parse(text)),
};

const TWO: Rule<readonly number[]> = {
  ...some,
  expects: 'two latents such as 0,1, counted from 0',
  accepts: (value): value is readonly number[] => some.accepts(value) && value.length === 2,
};

export const rangeOption = (standard: number): Option =>
  checkedOption(
    '--range <r>',
    'values of a latent from −r to r, in standard deviations of the prior',
    RANGE_RULE,
  ).default(standard);

/** Its value is `all` or a list. */
export const latentsOption = (description: string): Option =>
  checkedOption('--latents <list>', description, SOME_OR_ALL);

/** Its value is a pair. */
export const twoLatentsOption = (description: string): Option => checkedOption('--latents <i,j>', description, TWO);

/** @throws ConfigError if the model has no such latent. */
export function checkLatents(latents: readonly number[], count: number): void {
  const beyond = latents.find((index) => index >= count);
  if (beyond === undefined) return;
  throw new ConfigError(`there is no latent ${beyond}; the model has latents 0 to ${count - 1}`, {
    field: 'latents',
    value: latents,
  });
}

/** Images that the KL is averaged over. */
const IMAGES = 1000;

export interface RankedLatent {
  readonly index: number;
  /** How much it tells of an image: "KL 2.10" in nats; of a flow, the variance of its means. */
  readonly measure: string;
}

/** The latents that tell most about the test images, the first of them the one that tells most. */
export async function mostInformative(
  loaded: LoadedModel,
  count: number,
  dataDir: string | undefined,
): Promise<RankedLatent[]> {
  const part = { split: 'test', limit: IMAGES, dataDir } as const;
  const { trained, latent } = loaded;
  const encoding = await withPart(loaded, part, ({ set }) => trained.encode(set));
  const { kl, meanVariance } = latentStatistics(encoding, latent);
  const [what, values] = kl === undefined ? ['var', meanVariance] : ['KL', kl];
  // Neither is negative but for rounding.
  return largest(values, count).map((index) => ({ index, measure: `${what} ${nats(Math.max(0, values[index]))}` }));
}
