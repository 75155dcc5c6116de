/** From the flags of vae train to the settings of a run: what is known before its images are loaded, and what they decide. */

import path from 'node:path';
import { ConfigError } from '../../base/errors.ts';
import type { Dataset } from '../../data/dataset.ts';
import { resolveDataset } from '../../data/index.ts';
import type { DataFacts } from '../../settings/by-data.ts';
import { checkConfig, checkEffect } from '../../settings/check.ts';
import { type Origins, possibleFacts, resolveForData } from '../../settings/resolve.ts';
import type { RunConfig } from '../../settings/table.ts';
import { defaultThreads } from '../shared/options.ts';

/** Settings that make sense, and who has set each. */
export interface RunSettings {
  readonly config: RunConfig;
  readonly origins: Origins;
}

/** The run may be resumed from another folder. */
export const withAbsoluteData = ({ dataset, dataDir, ...given }: Partial<RunConfig>): Partial<RunConfig> => ({
  ...given,
  ...(dataset && { dataset: resolveDataset(dataset) }),
  ...(dataDir && { dataDir: path.resolve(dataDir) }),
});

export const factsOf = ({ train, imageShape, fit }: Dataset): DataFacts => ({ images: train.count, imageShape, fit });

/**
 * The settings of a run on images that are known.
 * @throws ConfigError if one of them is wrong.
 */
export function settingsFor(given: Partial<RunConfig>, facts: DataFacts): RunSettings {
  const resolved = resolveForData(given, facts);
  const settings = { threads: defaultThreads(), ...resolved.settings };
  const origins: Origins = { threads: { by: 'default' }, ...resolved.origins };
  // A flag that changes nothing is refused before its value is.
  checkEffect(given, settings);
  return { config: checkConfig(settings, origins), origins };
}

/**
 * Settings before the images are known: those that loading needs are as they will be.
 * @throws ConfigError if one of them is wrong, whatever the images are.
 */
export function settingsBeforeData(given: Partial<RunConfig>): RunConfig {
  const mistakes: ConfigError[] = [];
  for (const facts of possibleFacts(given)) {
    try {
      return settingsFor(given, facts).config;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      mistakes.push(error);
    }
  }
  throw mistakes[0];
}
