/** Options about latents. */

import type { Option } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { integer, number, type Rule } from '../../base/rules.ts';
import { asNumbers, checkedOption, numberOption } from './options.ts';

/** Latents further from 0 than this show nothing of use. */
const MOST_DEVIATIONS = 100;

const RANGE_RULE = number(
  `a number above 0 and at most ${MOST_DEVIATIONS}`,
  (value) => value > 0 && value <= MOST_DEVIATIONS,
);

export const TEMPERATURE_RULE = number(
  `a number from 0 to ${MOST_DEVIATIONS}`,
  (value) => value >= 0 && value <= MOST_DEVIATIONS,
);

const latent = integer(0);
const areLatents = (value: unknown): value is number[] => Array.isArray(value) && value.every(latent.accepts);

const SOME_OR_ALL: Rule = {
  expects: 'all, or latents such as 0,3,5, counted from 0',
  accepts: (value) => value === 'all' || areLatents(value),
};

const TWO: Rule = {
  expects: 'two latents such as 0,1, counted from 0',
  accepts: (value) => areLatents(value) && value.length === 2 && value[0] !== value[1],
};

export const rangeOption = (standard: number): Option =>
  numberOption(
    '--range <r>',
    'values of a latent from −r to r, in standard deviations of the prior',
    RANGE_RULE,
  ).default(standard);

/** Its value is `all` or a list. */
export const latentsOption = (description: string): Option =>
  checkedOption('--latents <list>', description, SOME_OR_ALL, (text) => (text === 'all' ? text : asNumbers(text)));

/** Its value is a pair. */
export const twoLatentsOption = (description: string): Option =>
  checkedOption('--latents <i,j>', description, TWO, asNumbers);

/** @throws ConfigError if the model has no such latent. */
export function checkLatents(latents: readonly number[], count: number): void {
  const beyond = latents.find((index) => index >= count);
  if (beyond === undefined) return;
  throw new ConfigError(
    `--latents ${latents.join(',')}: there is no latent ${beyond}; the model's are 0 to ${count - 1}`,
  );
}
