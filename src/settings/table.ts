/**
 * The table of settings: a row says everything that is to be known of a setting. From it come the type of a run's
 * configuration, its defaults, its checks, the flags and their help, and how config.json is read. The order is that of
 * the help and of the files that hold a configuration.
 */

import type { Rule } from '../base/rules.ts';
import { dataSettings } from './rows/data.ts';
import { latentSettings } from './rows/latents.ts';
import { networkSettings } from './rows/network.ts';
import { objectiveSettings } from './rows/objective.ts';
import { optimisationSettings } from './rows/optimisation.ts';
import { pixelSettings } from './rows/pixels.ts';
import { presetSetting, runSettings } from './rows/run.ts';
import type { Setting } from './setting.ts';

export const settings = {
  ...presetSetting,
  ...dataSettings,
  ...networkSettings,
  ...latentSettings,
  ...pixelSettings,
  ...objectiveSettings,
  ...optimisationSettings,
  ...runSettings,
} as const satisfies Readonly<Record<string, Setting>>;

type Table = typeof settings;
export type SettingName = keyof Table;
type Value<Row> = Row extends { readonly rule: Rule<infer T> } ? T : never;
type OptionalName = { [K in SettingName]: Table[K]['optional'] extends true ? K : never }[SettingName];

/** Everything that determines a run, resolved: what config.json and every checkpoint hold. */
export type RunConfig = {
  readonly [K in Exclude<SettingName, OptionalName>]: Value<Table[K]>;
} & {
  readonly [K in OptionalName]?: Value<Table[K]>;
};

/** A setting's row, whatever its values. */
export const settingOf = (name: SettingName): Setting => settings[name];

export const SETTING_NAMES = Object.keys(settings) as readonly SettingName[];

/** What settings are where nobody sets them; the number of threads is the machine's. */
export const DEFAULTS = Object.fromEntries(
  SETTING_NAMES.flatMap((name) => {
    const { default: standard } = settingOf(name);
    return standard === undefined ? [] : [[name, standard]];
  }),
) as unknown as Omit<RunConfig, 'threads' | OptionalName>;

/** A setting that chooses among rows, and those of its rows that read another setting. */
export interface Reader {
  readonly by: SettingName;
  readonly names: readonly string[];
}

/** Who reads a setting, where not every row of a registry does. */
export const readersOf = (name: SettingName): readonly Reader[] =>
  SETTING_NAMES.flatMap((by) => {
    const rows = Object.entries(settingOf(by).rows ?? {});
    const names = rows.filter(([, { uses }]) => uses.includes(name)).map(([row]) => row);
    return names.length === 0 || names.length === rows.length ? [] : [{ by, names }];
  });

/** Whether the rows that a configuration chooses read a setting. */
export const isRead = (name: SettingName, config: Partial<RunConfig>): boolean =>
  readersOf(name).every(({ by, names }) => names.includes(String(config[by])));
