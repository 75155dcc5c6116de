/** vae config: every setting that vae train would use with the same flags, and where it comes from. */

import { type Command, Option } from 'commander';
import { closeDataset } from '../../data/dataset.ts';
import { createModel } from '../../programs/programs.ts';
import { describeFacts } from '../../settings/by-data.ts';
import { checkBatch, withOrigins } from '../../settings/check.ts';
import type { Origin } from '../../settings/resolve.ts';
import { isRead, type RunConfig, SETTING_NAMES, type SettingName, settingOf } from '../../settings/table.ts';
import { inColumns } from '../shared/columns.ts';
import { defineCommand } from '../shared/command.ts';
import { loadImages } from '../shared/dataset.ts';
import { flagName } from '../shared/flags.ts';
import { columnsOf, escapeCommands, result, sentence } from '../shared/terminal.ts';
import { shellQuoted } from '../shared/words.ts';
import { settingOptions } from '../train/options.ts';
import { factsOf, settingsBeforeData, settingsFor, withAbsoluteData } from '../train/settings.ts';

const define = (command: Command): void => {
  for (const option of settingOptions()) command.addOption(option);
  // In a group of their own, so that they come after the others.
  command.optionsGroup('Output:').addHelpOption(new Option('-h, --help', 'show this help').helpGroup('Help:'));
};

/** Nothing but the loading of the images takes time. */
async function explain({ json: _, ...options }: Partial<RunConfig> & { readonly json?: true }) {
  const given = withAbsoluteData(options);
  const dataset = await loadImages(settingsBeforeData(given));
  try {
    const facts = factsOf(dataset);
    const { config, origins } = settingsFor(given, facts);
    // What vae train would refuse is refused here.
    checkBatch(config, facts.images);
    withOrigins(origins, () => createModel(config, dataset.imageShape));
    const names = SETTING_NAMES.filter((name) => config[name] !== undefined && hasEffect(name, config));
    const only = (of: Readonly<Partial<Record<SettingName, unknown>>>) =>
      Object.fromEntries(names.map((name) => [name, of[name]]));
    return { settings: only(config), origins: only(origins) as Readonly<Record<string, Origin>>, facts };
  } finally {
    closeDataset(dataset);
  }
}

/** A run's length is counted in epochs or in steps. */
const hasEffect = (name: SettingName, config: RunConfig): boolean =>
  isRead(name, config) && !(name === 'epochs' && config.steps !== undefined);

function print({ settings, origins, facts }: Awaited<ReturnType<typeof explain>>): void {
  sentence(`of a run on ${describeFacts(facts)}:`);
  const rows = Object.entries(settings).map(([name, value]) => [
    flagName(name, value),
    escapeCommands(formatValue(name as SettingName, value)),
    describeOrigin(origins[name]),
  ]);
  for (const line of inColumns(rows, columnsOf(process.stdout))) result(line);
}

/** As it is typed; what is on or off is told by the flag. */
function formatValue(name: SettingName, value: unknown): string {
  const { default: standard } = settingOf(name);
  if (typeof value === 'boolean') return '';
  if (!Array.isArray(value) || value.length > 0) return shellQuoted(String(value));
  return Array.isArray(standard) && standard.length === 0 ? 'by size' : 'none';
}

function describeOrigin(origin: Origin): string {
  switch (origin.by) {
    case 'given':
      return 'given';
    case 'preset':
      return `preset ${origin.preset}`;
    case 'data':
      return `for the data: ${origin.reason}`;
    case 'count':
      return `instead of ${origin.insteadOf}: there are no more training images`;
    case 'setting':
      return `for ${flagName(origin.field)} ${origin.value}`;
    case 'default':
      return 'default';
  }
}

export const command = defineCommand({ define, run: explain, print });
