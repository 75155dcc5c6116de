/** Options: how text becomes a checked value, and those that several commands share. */

import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { expectation, integer, type Rule, text } from '../base/rules.ts';
import { type EngineName, engines, PREFERENCE } from '../engines/index.ts';
import { settings } from '../settings/table.ts';

export const RUNS_FOLDER = 'runs';

/** The parts of a dataset. */
export const SPLITS = ['test', 'validation', 'train'] as const;
export type Split = (typeof SPLITS)[number];

/** An option whose value must satisfy a rule; where it does not, the command ends with a usage error. */
export function checkedOption(flags: string, description: string, rule: Rule): Option {
  return new Option(flags, description).argParser((text: string) => {
    const value = rule.parse(text);
    if (!rule.accepts(value)) throw new InvalidArgumentError(expectation(value, rule));
    return value;
  });
}

export const numberOption = (flags: string, description: string, rule: Rule): Option =>
  checkedOption(flags, description, rule);

/** A file or a folder. */
export const pathOption = (flags: string, description: string): Option =>
  checkedOption(flags, description, text('a path'));

/** By default as many as the machine, or its container, lets this process use. */
export const defaultThreads = (): number => availableParallelism();

export const DEFAULT_DEVICE: EngineName = settings.device.default ?? 'auto';

export const DEVICE_RULE = settings.device.rule;
export const THREADS_RULE = settings.threads.rule;

export const DEVICE_HELP = `${Object.keys(engines).join(', ')}; auto takes the first that works of ${PREFERENCE.join(', ')}`;

export const deviceOption = (description = DEVICE_HELP): Option =>
  checkedOption('--device <name>', description, DEVICE_RULE);

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
