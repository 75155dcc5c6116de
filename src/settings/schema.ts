/** The settings as a JSON Schema, for editors and for files of settings. */

import type { JsonSchema } from '../base/rules.ts';
import { SETTING_NAMES, settingOf } from './table.ts';

/** Of an object of settings, each of which may be left out. Draft 2020-12. */
export function settingsSchema(): JsonSchema {
  const properties = SETTING_NAMES.map((name) => {
    const { rule, help, default: standard } = settingOf(name);
    return [name, { ...rule.schema, description: help, ...(standard !== undefined && { default: standard }) }];
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(properties),
  };
}
