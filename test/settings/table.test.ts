/** What follows from the table of settings: defaults, what may change, the page of flags, the JSON Schema. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { flagName } from '../../src/cli/shared/flags.ts';
import { checkConfig } from '../../src/settings/check.ts';
import { presets } from '../../src/settings/presets.ts';
import { settingsSchema } from '../../src/settings/schema.ts';
import { DEFAULTS, readersOf, SETTING_NAMES, settingOf } from '../../src/settings/table.ts';

const formatDefault = (value: unknown): string => {
  if (value === undefined) return '';
  return Array.isArray(value) && value.length === 0 ? 'by rule' : `\`${Array.isArray(value) ? value.join() : value}\``;
};

/** A line of docs/models.md. */
const lineOf = (name: (typeof SETTING_NAMES)[number]): string => {
  const { help, placeholder, rule, default: standard } = settingOf(name);
  const readers = readersOf(name)
    .map(({ by, names }) => `; for ${names.map((row) => `\`${flagName(by)} ${row}\``).join(', ')}`)
    .join('');
  // Of a flag that is on by default, the one that turns it off is shown.
  if (standard === true) return `| \`${flagName(name).replace('--', '--no-')}\` | do not ${help}${readers} | |`;
  const flag = `\`${flagName(name)}${placeholder === '' ? '' : ` ${placeholder}`}\``;
  const choices = rule.choices === undefined ? '' : `: ${rule.choices.map((choice) => `\`${choice}\``).join(', ')}`;
  return `| ${flag} | ${help}${choices}${readers} | ${formatDefault(standard)} |`;
};

describe('the table of settings', () => {
  it('has every setting in docs/models.md, in its order, as it is', () => {
    const page = readFileSync('docs/models.md', 'utf8').split('\n');
    const start = page.indexOf('| flag | what it does | default |');
    expect(page.slice(start + 2, start + 2 + SETTING_NAMES.length)).toEqual(SETTING_NAMES.map(lineOf));
  });

  it('has defaults that are valid, and make a valid run with a number of threads', () => {
    expect(checkConfig({ ...DEFAULTS, threads: 1 })).toMatchObject(DEFAULTS);
  });

  it('lets a resumed run change what does not change its numbers so far', () => {
    const resumable = SETTING_NAMES.filter((name) => settingOf(name).resumable);
    expect(resumable).toEqual(['dataDir', 'epochs', 'steps', 'patience', 'keepEvery', 'picturesEvery', 'threads']);
  });

  it('reads a flag as its rule says', () => {
    const read = (name: (typeof SETTING_NAMES)[number], text: string) => settingOf(name).rule.parse(text);
    expect(read('hidden', '500,300')).toEqual([500, 300]);
    expect(read('activation', 'elu, tanh')).toEqual(['elu', 'tanh']);
    expect(read('learningRate', '1e-3')).toBe(0.001);
    expect(read('stddev', '0.5')).toBe(0.5);
    expect(read('stddev', 'learned')).toBe('learned');
    expect(read('latent', 'many')).toBe('many');
  });
});

/** As much of JSON Schema as the settings use. */
function isValid(value: unknown, schema: Readonly<Record<string, unknown>>): boolean {
  const number = Number(value);
  const limits = [
    [schema.minimum, (limit: number) => number >= limit],
    [schema.exclusiveMinimum, (limit: number) => number > limit],
    [schema.maximum, (limit: number) => number <= limit],
    [schema.exclusiveMaximum, (limit: number) => number < limit],
  ] as const;
  const types: Readonly<Record<string, (of: unknown) => boolean>> = {
    integer: Number.isInteger,
    number: (of) => typeof of === 'number',
    boolean: (of) => typeof of === 'boolean',
    string: (of) => typeof of === 'string' && of.length >= Number(schema.minLength ?? 0),
    array: (of) =>
      Array.isArray(of) &&
      of.length >= Number(schema.minItems) &&
      of.every((item) => isValid(item, schema.items as typeof schema)),
  };
  if (Array.isArray(schema.anyOf)) return schema.anyOf.some((one) => isValid(value, one));
  if (Array.isArray(schema.enum)) return schema.enum.includes(value);
  const matches = typeof schema.pattern !== 'string' || new RegExp(schema.pattern).test(String(value));
  return (
    types[String(schema.type)](value) &&
    matches &&
    limits.every(([limit, holds]) => limit === undefined || holds(Number(limit)))
  );
}

describe('the JSON Schema', () => {
  const properties = settingsSchema().properties as Readonly<Record<string, Readonly<Record<string, unknown>>>>;

  it('accepts the defaults and every preset', () => {
    for (const settings of [DEFAULTS, ...Object.values(presets).map(({ config }) => config)]) {
      for (const [name, value] of Object.entries(settings)) {
        expect(isValid(value, properties[name]), `${name} ${value}`).toBe(true);
      }
    }
  });

  it('accepts and refuses what the rules do', () => {
    const values = [
      -1,
      0,
      0.5,
      1,
      2,
      2.5,
      3,
      20,
      1e9,
      '',
      'relu',
      'elbo',
      'normal:0.1',
      'pepper:1',
      true,
      [],
      [1],
      ['relu'],
      [0],
      ['x'],
    ];
    for (const name of SETTING_NAMES) {
      const { rule } = settingOf(name);
      for (const value of values) {
        expect(isValid(value, properties[name]), `${name} ${JSON.stringify(value)}`).toBe(rule.accepts(value));
      }
    }
  });
});
