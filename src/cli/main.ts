/** The command line: commands, and errors as people read them. */

import { Command, CommanderError } from 'commander';
import { ConfigError, InputError, UserError } from '../base/errors.ts';
import { EngineError } from '../engines/engine.ts';
import { registerAnimate } from './commands/animate.ts';
import { registerBench } from './commands/bench.ts';
import { registerCompare } from './commands/compare.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerEncode } from './commands/encode.ts';
import { registerEvaluate } from './commands/evaluate.ts';
import { registerExport } from './commands/export.ts';
import { registerInfo } from './commands/info.ts';
import { registerInterpolate } from './commands/interpolate.ts';
import { registerManifold } from './commands/manifold.ts';
import { registerPresets } from './commands/presets.ts';
import { registerReconstruct } from './commands/reconstruct.ts';
import { registerSample } from './commands/sample.ts';
import { registerTrain } from './commands/train.ts';
import { registerTraverse } from './commands/traverse.ts';
import { version } from './environment.ts';
import { Exit, OK, RUNTIME_ERROR, USAGE_ERROR } from './exit-codes.ts';
import { flagName } from './flags.ts';
import { handleOutputErrors, note } from './terminal.ts';

const REGISTRATIONS = [
  registerTrain,
  registerSample,
  registerReconstruct,
  registerInterpolate,
  registerTraverse,
  registerManifold,
  registerAnimate,
  registerEncode,
  registerExport,
  registerEvaluate,
  registerCompare,
  registerInfo,
  registerPresets,
  registerDoctor,
  registerBench,
];

/** Runs one command line, without the program's name, and returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  handleOutputErrors();
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return OK;
  } catch (error) {
    return report(error);
  }
}

function createProgram(): Command {
  const program = new Command('vae')
    .description('Train variational autoencoders, and use them.')
    .version(version(), '-V, --version')
    .showHelpAfterError(false)
    .configureOutput({ outputError: (text) => note(oneLine(text)) })
    .exitOverride();
  for (const register of REGISTRATIONS) register(program);
  return program;
}

/** commander puts its suggestion on a line of its own. */
const oneLine = (text: string): string =>
  text
    .trim()
    .replace(/^error: /, 'vae: ')
    .replace(/\s*\n\s*/g, ' ');

/** Prints what a person can act on, and says how the process ends. */
function report(error: unknown): number {
  if (error instanceof Exit) return error.code;
  // commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE_ERROR;
  if (error instanceof InputError || error instanceof EngineError) {
    note(`vae: ${printable(error instanceof UserError ? error.wordsFor(flagName) : error.message)}`);
    return error instanceof ConfigError ? USAGE_ERROR : RUNTIME_ERROR;
  }
  // V8's own words for an array that memory cannot hold.
  if (error instanceof RangeError && /array|alloc/i.test(error.message)) {
    note('vae: not enough memory; use a smaller --batch-size, fewer --samples, or a smaller network');
    return RUNTIME_ERROR;
  }
  throw error;
}

/** One line, whatever bytes a file put into a message. */
const printable = (message: string): string =>
  [...message].map((character) => (character < ' ' || character === '\u007f' ? ' ' : character)).join('');
