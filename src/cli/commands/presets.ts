/** vae presets: known systems, as settings. */

import type { Command } from 'commander';
import { choice } from '../../base/rules.ts';

interface PresetsOptions {
  readonly json?: true;
}

export function registerPresets(program: Command): void {
  program
    .command('presets')
    .description('list the known systems that train --preset reproduces, with their sources')
    .argument('[name]', 'show the settings of one')
    .option('--json', 'print it as JSON')
    .action(async (name: string | undefined, { json }: PresetsOptions) => list(name, json));
}

async function list(name: string | undefined, json: true | undefined): Promise<void> {
  const { presets, presetOf } = await import('../../settings/presets.ts');
  const { ConfigError } = await import('../../base/errors.ts');
  const { expectation } = await import('../../base/rules.ts');
  const { flagName } = await import('../flags.ts');
  const { result } = await import('../terminal.ts');
  const names = Object.keys(presets) as (keyof typeof presets)[];
  const chosen = names.find((known) => known === name);
  if (name !== undefined && chosen === undefined) {
    throw new ConfigError(`presets ${name}: ${expectation(name, choice(names))}`);
  }
  const shown = chosen === undefined ? names : [chosen];
  if (json) {
    result(JSON.stringify(Object.fromEntries(shown.map((key) => [key, presetOf(key)]))));
    return;
  }
  for (const key of shown) {
    const { summary, source, differs } = presetOf(key);
    result(`${key.padEnd(14)} ${summary}`);
    result(`${' '.repeat(14)} after ${source}${differs === undefined ? '' : `; ${differs}`}`);
  }
  if (chosen === undefined) {
    result('train one with: vae train --preset <name>; any flag overrides it; vae presets <name> shows its flags');
    return;
  }
  const flags = Object.entries(presetOf(chosen).config).map(([field, value]) =>
    typeof value === 'boolean' ? `--${value ? '' : 'no-'}${flagName(field).slice(2)}` : `${flagName(field)} ${value}`,
  );
  result(`vae train ${flags.filter((flag) => !flag.endsWith(' ')).join(' ')}`);
}
