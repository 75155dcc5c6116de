/** Options: how text becomes a checked value, and those that several commands share. */

import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { expectation, integer, type Rule, text } from '../base/rules.ts';
import { type EngineName, engines, PREFERENCE } from '../engines/index.ts';
import { CONFIG_RULES } from '../settings/config.ts';

export const RUNS_FOLDER = 'runs';

/** The parts of a dataset. */
export const SPLITS = ['test', 'validation', 'train'] as const;
export type Split = (typeof SPLITS)[number];

/** A number where the text is one, else the text itself, which the rule will refuse and a message can quote. */
function parseScalar(text: string): number | string {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

type Parse = (text: string) => unknown;

export const asNumber: Parse = parseScalar;
export const asText: Parse = (text) => text;
export const asNumbers: Parse = (text) => text.split(',').map(parseScalar);
export const asNames: Parse = (text) => text.split(',').map((name) => name.trim());

/** An option whose value must satisfy a rule; where it does not, the command ends with a usage error. */
export function checkedOption(flags: string, description: string, rule: Rule, parse: Parse): Option {
  return new Option(flags, description).argParser((text: string) => {
    const value = parse(text);
    if (!rule.accepts(value)) throw new InvalidArgumentError(expectation(value, rule));
    return value;
  });
}

export const numberOption = (flags: string, description: string, rule: Rule): Option =>
  checkedOption(flags, description, rule, asNumber);

/** A file or a folder. */
export const pathOption = (flags: string, description: string): Option =>
  checkedOption(flags, description, text('a path'), asText);

/** By default as many as the machine, or its container, lets this process use. */
export const defaultThreads = (): number => availableParallelism();

export const DEFAULT_DEVICE: EngineName = 'auto';

export const DEVICE_RULE = CONFIG_RULES.device;
export const THREADS_RULE = CONFIG_RULES.threads;

export const DEVICE_HELP = `${Object.keys(engines).join(', ')}; auto takes the first that works of ${PREFERENCE.join(', ')}`;

export const deviceOption = (description = DEVICE_HELP): Option =>
  checkedOption('--device <name>', description, DEVICE_RULE, asText);

export interface ModelOptions {
  readonly run?: string;
  readonly checkpoint?: string;
  readonly device?: EngineName;
  readonly threads?: number;
}

/** Which model a command is about. */
export const withCheckpointOptions = (command: Command): Command =>
  command
    .addOption(pathOption('--run <folder>', 'the run to use (default: the newest in runs/)'))
    .addOption(pathOption('--checkpoint <file>', 'the checkpoint to use instead of a run').conflicts('run'));

/** What every command that runs a trained model takes. */
export const withModelOptions = (command: Command): Command =>
  withCheckpointOptions(command)
    .addOption(deviceOption(`${DEVICE_HELP} (default: that of the training)`))
    .addOption(numberOption('--threads <n>', 'CPU threads (default: all)', THREADS_RULE));

export const seedOption = (description: string): Option =>
  numberOption('--seed <n>', description, integer(0)).default(0);
