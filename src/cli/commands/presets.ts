/** vae presets: published models, as settings. */

import type { Command } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { choice, expectation } from '../../base/rules.ts';
import { type Preset, presetOf, presets } from '../../settings/presets.ts';
import { defineCommand } from '../shared/command.ts';
import { formatFlags } from '../shared/flags.ts';
import { result, sentence } from '../shared/terminal.ts';

type Presets = Readonly<Record<string, Preset>>;

const define = (command: Command): void => {
  command.argument('[name]', 'show only this preset, with its flags');
};

async function choose(_: object, name: string | undefined): Promise<Presets> {
  const names = Object.keys(presets) as (keyof typeof presets)[];
  const chosen = names.find((known) => known === name);
  if (name !== undefined && chosen === undefined) {
    throw new ConfigError(`presets ${name}: ${expectation(name, choice(names))}`);
  }
  return Object.fromEntries((chosen === undefined ? names : [chosen]).map((key) => [key, presetOf(key)]));
}

function print(chosen: Presets): void {
  const rows = Object.entries(chosen);
  for (const [name, { summary, source, differs }] of rows) {
    sentence(`${name.padEnd(INDENT.length)}${summary}`, INDENT);
    sentence(`${INDENT}after ${source}${differs === undefined ? '' : `; ${differs}`}`, INDENT);
  }
  if (rows.length === 1) result(commandOf(rows[0][1]));
  else sentence('train one with: vae train --preset <name>; any flag overrides it; vae presets <name> shows its flags');
}

/** As wide as the names. */
const INDENT = ' '.repeat(15);

/** The command line that a preset stands for. */
const commandOf = ({ config }: Preset): string => `vae train ${formatFlags(config).join(' ')}`;

export const command = defineCommand({ define, run: choose, print });
