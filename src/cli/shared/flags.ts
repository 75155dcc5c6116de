/** How the user of the command line writes settings. */

import { shellQuoted } from './words.ts';

/** `--batch-size` for `batchSize`; `--no-squash` for a `squash` that is off. */
export const flagName = (field: string, value?: unknown): string =>
  `--${value === false ? 'no-' : ''}${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** A setting with its value, as a flag of vae train: `--hidden 500,500`, `--no-squash`. */
const formatFlag = ([field, value]: readonly [string, unknown]): string =>
  typeof value === 'boolean' ? flagName(field, value) : `${flagName(field)} ${shellQuoted(String(value))}`;

/** Settings as flags; a list that is empty has none. */
export const formatFlags = (settings: object): string[] =>
  Object.entries(settings)
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .map(formatFlag);
