/** The command line: the list of commands, and errors as people read them. */

import { Command, CommanderError } from 'commander';
import { ConfigError, describeSystemError, UserError } from '../base/errors.ts';
import type { CommandDefinition } from './shared/command.ts';
import { version } from './shared/environment.ts';
import { Exit, OK, RUNTIME_ERROR, USAGE_ERROR } from './shared/exit-codes.ts';
import { flagName } from './shared/flags.ts';
import { handleOutputErrors, note } from './shared/terminal.ts';
import { inOurWords } from './shared/usage.ts';
import { shellQuoted } from './shared/words.ts';

type Row = readonly [description: string, load: () => Promise<{ readonly command: CommandDefinition }>];

/** Every command, by its group and name, in the order of the help. Only the one that is asked for is loaded. */
const COMMANDS: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  'Train:': {
    train: ['train a model; writes checkpoints and pictures every epoch', () => import('./commands/train.ts')],
    config: ['show the settings that train would use, and where each is from', () => import('./commands/config.ts')],
    presets: ['list the presets: known models, with their sources', () => import('./commands/presets.ts')],
  },
  'Look:': {
    sample: ['draw new images from the model', () => import('./commands/sample.ts')],
    reconstruct: ['encode and decode a picture; draws both side by side', () => import('./commands/reconstruct.ts')],
    interpolate: ['draw the steps from one picture or sample to another', () => import('./commands/interpolate.ts')],
    traverse: ['draw what each latent does: one row per latent', () => import('./commands/traverse.ts')],
    manifold: ['draw a map of two latents: a grid of decoded pictures', () => import('./commands/manifold.ts')],
    animate: ['make an animated PNG of the samples of all epochs', () => import('./commands/animate.ts')],
  },
  'Use:': {
    encode: ['write the latent codes of images as CSV or NumPy files', () => import('./commands/encode.ts')],
    export: ['write encoder and decoder as files for other programs', () => import('./commands/export.ts')],
    info: ['show what a checkpoint contains: network, settings, progress', () => import('./commands/info.ts')],
  },
  'Measure:': {
    evaluate: ['measure how good a model is: its bound, and log p(x)', () => import('./commands/evaluate.ts')],
    compare: ['measure and draw several runs on the same test images', () => import('./commands/compare.ts')],
  },
  'This machine:': {
    doctor: ['show which devices work here, and how fast they are', () => import('./commands/doctor.ts')],
    bench: ['measure how long a training step takes here', () => import('./commands/bench.ts')],
  },
};

const INTRODUCTION = `Train variational autoencoders, and use them.

Examples:
  $ vae train --dataset mnist --epochs 10
  $ vae sample -n 49 --out grid.png
  $ vae evaluate`;

/** All that may stand before a command. */
const OWN_FLAGS = ['-V', '--version', '-h', '--help'];

const CONCLUSION = `
Every command: vae <command> --help

Options:
  -V, --version  print the version
  -h, --help     show this help`;

/** Runs one command line, without the program's name, and returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  handleOutputErrors();
  try {
    await parse(args);
    return OK;
  } catch (error) {
    return report(error);
  }
}

async function parse(args: readonly string[]): Promise<void> {
  const words = args[0] === 'help' ? [...args.slice(1, 2), '--help'] : args;
  const asked = words.find((word) => !word.startsWith('-'));
  const program = createProgram();
  const command = program.commands.find((known) => known.name() === asked);
  checkOrder(words, program);
  if (command !== undefined) {
    const [, load] = COMMANDS[command.helpGroup()][command.name()];
    (await load()).command.define(command);
  }
  // With an unknown command the name is the mistake, whatever follows it.
  const isUnknown = command === undefined && asked !== undefined && asked === words[0];
  await program.parseAsync(isUnknown ? [asked] : words, { from: 'user' });
}

/** @throws ConfigError if an option stands before its command. */
function checkOrder(words: readonly string[], { commands }: Command): void {
  const [first] = words;
  const command = commands.find((known) => words.includes(known.name()));
  if (command === undefined || !first?.startsWith('-') || OWN_FLAGS.includes(first)) return;
  throw new ConfigError(`${first}: the command comes first: vae ${command.name()} ${first} ...`);
}

function createProgram(): Command {
  const program = new Command('vae')
    .description(INTRODUCTION)
    .usage('<command> [options]')
    .version(version(), '-V, --version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .addHelpText('after', CONCLUSION)
    .showHelpAfterError(false)
    .configureOutput({ outputError: (text) => note(inOurWords(text)) })
    .exitOverride();
  for (const [group, rows] of Object.entries(COMMANDS)) {
    for (const [name, [description]] of Object.entries(rows)) {
      program.command(name).description(description).helpGroup(group);
    }
  }
  // Its two options stand at the end, after the commands. Set last, because commands inherit what is set before.
  return program.configureHelp({ visibleOptions: () => [], subcommandTerm: (command) => command.name() });
}

/** Prints one line that says what to do, and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof Exit) return error.code;
  // commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE_ERROR;
  if (error instanceof UserError) {
    note(`vae: ${error.wordsFor(flagName, shellQuoted)}`);
    return error instanceof ConfigError ? USAGE_ERROR : RUNTIME_ERROR;
  }
  // V8's own words for an array that is larger than memory.
  if (error instanceof RangeError && /array|alloc/i.test(error.message)) {
    note('vae: not enough memory; use a smaller --batch-size, fewer --samples, or a smaller network');
    return RUNTIME_ERROR;
  }
  const { syscall, path } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) {
    note(`vae: the system could not ${syscall} ${path ?? 'what was asked for'}: ${describeSystemError(error)}`);
    return RUNTIME_ERROR;
  }
  note('vae: this is a fault of the program, and not yours; please report it with the lines below');
  throw error;
}
