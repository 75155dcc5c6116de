/** The flags of vae train: one for every setting. */

import { Option } from 'commander';
import { choice, namesOf, type Rule, truth } from '../../base/rules.ts';
import { joined } from '../../base/words.ts';
import { presets } from '../../settings/presets.ts';
import { otherDefaults } from '../../settings/resolve.ts';
import { type RunConfig, readersOf, SETTING_NAMES, type SettingName, settingOf } from '../../settings/table.ts';
import { flagName } from '../shared/flags.ts';
import { checkedOption, pathOption } from '../shared/options.ts';

export interface TrainOptions extends Partial<RunConfig> {
  readonly resume?: string | true;
  readonly out?: string;
}

/** What the table does not know: presets are made of its settings. */
const ruleOf = (name: SettingName): Rule => (name === 'preset' ? choice(namesOf(presets)) : settingOf(name).rule);

const formatValue = (value: unknown): string =>
  Array.isArray(value) ? (value.length === 0 ? 'chosen by the size of the images' : value.join(',')) : String(value);

/** The usual default, and those that the data or the network asks for. */
function formatDefault(name: SettingName, standard: unknown): string {
  const others = otherDefaults(name).map(({ of, value }) => `${of}: ${formatOther(value)}`);
  return [formatValue(standard), ...others].join('; ');
}

function formatOther(value: unknown): string {
  if (value === undefined) return 'chosen for the data';
  return Array.isArray(value) && value.length === 0 ? 'none' : formatValue(value);
}

/** The help of a setting: what it does, its valid names, which choices read it, its default. */
function helpOf(name: SettingName): string {
  const { help, rule, default: standard } = settingOf(name);
  const { choices } = ruleOf(name);
  const names = choices === undefined || name === 'preset' ? '' : `: ${choices.join(', ')}`;
  const readers = readersOf(name).map(({ by, names: rows }) => `; for ${flagName(by)} ${rows.join(', ')}`);
  return `${help}${names}${readers.join('')}${standard === undefined || rule === truth ? '' : ` (default: ${formatDefault(name, standard)})`}`;
}

function optionsFor(name: SettingName): Option[] {
  const { group, placeholder, rule, default: standard } = settingOf(name);
  if (rule === truth) {
    // Both exist, so that either overrides a preset; the one that is no default is shown.
    const on = new Option(flagName(name), helpOf(name));
    const off = new Option(flagName(name).replace('--', '--no-'), `do not ${helpOf(name)}`);
    return standard === true ? [on.hideHelp(), off.helpGroup(group)] : [on.helpGroup(group), off.hideHelp()];
  }
  return [checkedOption(`${flagName(name)} ${placeholder}`, helpOf(name), ruleOf(name)).helpGroup(group)];
}

const RESUMABLE = SETTING_NAMES.filter((name) => settingOf(name).resumable).map(flagName);

/** An option for every setting, each checked by its setting's rule. */
export function settingOptions(): Option[] {
  const options = SETTING_NAMES.flatMap(optionsFor);
  for (const option of options) if (option.attributeName() === 'steps') option.conflicts('epochs');
  return options;
}

/** All options of vae train, as commander knows them. */
export function trainOptions(): Option[] {
  const out = pathOption('--out <folder>', 'folder of the run (default: runs/<dataset>-<model>-<n>)');
  const resume = pathOption(
    '--resume [run]',
    `continue a run, by default the newest; only ${joined(RESUMABLE, 'and')} may change`,
  ).conflicts('out');
  return [...settingOptions(), out.helpGroup('Run:'), resume.helpGroup('Run:')];
}
