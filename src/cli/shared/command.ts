/** What a command is made of: its options, its work, and how the result is printed. */

import type { Command } from 'commander';
import { Exit, OK } from './exit-codes.ts';
import { escapeCommands, result } from './terminal.ts';

/** What main.ts loads from a command's file. */
export interface CommandDefinition {
  /** Adds the arguments, the options and the action. */
  readonly define: (command: Command) => void;
}

interface Parts<Options, Argument, Result> {
  /** Adds the arguments and the options. */
  readonly define: (command: Command) => void;
  /** Does the work and prints no result: returns it as plain data, which is what `--json` prints. */
  readonly run: (options: Options, argument: Argument) => Promise<Result>;
  /** Prints the result as lines. */
  readonly print: (result: Result) => void;
  /** The exit code; 0 by default. */
  readonly exitCode?: (result: Result) => number;
}

/** A command that gives a result, with `--json`. */
export const defineCommand = <Options, Argument, Result>({
  define,
  run,
  print,
  exitCode = () => OK,
}: Parts<Options, Argument, Result>): CommandDefinition => ({
  define: (command) => {
    define(command);
    command.option('--json', 'print the result as JSON').action(async () => {
      const options = command.opts<Options & { readonly json?: true }>();
      const found = await run(options, command.processedArgs[0]);
      if (options.json) result(escapeCommands(JSON.stringify(found)));
      else print(found);
      const code = exitCode(found);
      if (code !== OK) throw new Exit(code);
    });
  },
});
