/** Options: how text becomes a checked value, and the options that several commands share. */

import { availableParallelism } from 'node:os';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { choice, expectation, integer, type Rule, text } from '../../base/rules.ts';
import type { EngineName } from '../../engines/index.ts';
import { settings } from '../../settings/table.ts';

export const RUNS_FOLDER = 'runs';

/** An option whose value must satisfy a rule; if it does not, the command ends with a usage error. */
export function checkedOption(flags: string, description: string, rule: Rule): Option {
  const option = new Option(flags, description);
  return option.argParser((text: string) => {
    const value = rule.parse(text);
    if (rule.accepts(value)) return value;
    throw new ConfigError(expectation(value, rule), {
      field: option.attributeName(),
      value: text === '' ? "''" : text,
    });
  });
}

/** An option whose value is a file or a folder. */
export const pathOption = (flags: string, description: string): Option =>
  checkedOption(flags, description, text('a path'));

/** As many as the machine, or its container, lets this process use. */
export const defaultThreads = (): number => availableParallelism();

export const deviceOption = (description = 'where to compute; see vae doctor'): Option =>
  checkedOption('--device <name>', description, settings.device.rule);

export const threadsOption = (): Option =>
  checkedOption('--threads <n>', 'CPU threads (default: all)', settings.threads.rule);

export const seedOption = (description: string): Option =>
  checkedOption('--seed <n>', description, integer(0)).default(0);

/** Pictures are written as PNG, whatever the name: one that ends otherwise would lie. `grid` and `0.5` end in nothing. */
const picture = (...endings: readonly string[]): Rule<string> => {
  const any = text('a path');
  return {
    ...any,
    expects: `a path that ends in ${endings.join(' or ')}, as the picture is a PNG`,
    accepts: (value): value is string =>
      any.accepts(value) &&
      value !== '-' &&
      (!/^\.[a-z]/i.test(path.extname(value)) || endings.includes(path.extname(value).toLowerCase())),
  };
};

/** An option whose value is a picture to write. */
export const pictureFileOption = (flags: string, description: string): Option =>
  checkedOption(flags, description, picture('.png'));

/** The same for an animated one. */
export const animationFileOption = (flags: string, description: string): Option =>
  checkedOption(flags, description, picture('.png', '.apng'));

/** Of a command that draws one picture. */
export const pictureOption = (standard: string): Option =>
  pictureFileOption('--out <file>', 'the PNG file to write').default(standard);

export interface EngineOptions {
  readonly device?: EngineName;
  readonly threads?: number;
}

/** Where to compute with a trained model. */
export const addEngineOptions = (command: Command): Command =>
  command
    .addOption(deviceOption('where to compute (default: as in training; see vae doctor)'))
    .addOption(threadsOption());

export interface CheckpointOptions {
  readonly run?: string;
  readonly checkpoint?: string;
}

export const runOption = (): Option =>
  pathOption('--run <folder>', 'the run to use (default: the newest run in runs/)');

/** Which trained model a command works on. */
export const addCheckpointOptions = (command: Command): Command =>
  command
    .addOption(runOption())
    .addOption(pathOption('--checkpoint <file>', 'the checkpoint file to use, instead of a run').conflicts('run'));

export interface ModelOptions extends CheckpointOptions, EngineOptions {}

/** What every command that runs a trained model takes. */
export const addModelOptions = (command: Command): Command => addEngineOptions(addCheckpointOptions(command));

/** The parts of a dataset. */
const SPLITS = ['test', 'validation', 'train'] as const;

export interface PartOptions {
  readonly split: (typeof SPLITS)[number];
  readonly limit?: number | undefined;
  readonly dataDir?: string | undefined;
}

export const dataDirOption = (): Option =>
  pathOption('--data-dir <folder>', 'read the dataset from this folder (default: as in training)');

/** Which images of a model's dataset a command works on. */
export const addPartOptions = (command: Command): Command =>
  command
    .addOption(checkedOption('--split <name>', `images to use: ${SPLITS.join(', ')}`, choice(SPLITS)).default('test'))
    .addOption(checkedOption('--limit <n>', 'use only the first n images', integer(1)))
    .addOption(dataDirOption());
