/** What is printed, and where: results on stdout, everything else on stderr. */

import { describeSystemError } from '../../base/errors.ts';
import { wordsOf, wrapped } from './words.ts';

/** Characters that a terminal obeys instead of showing them, and those that turn the direction of a text. */
const COMMANDS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Shows them as JSON writes them, `\u001b`: files and their names may hold any, and must not steer the terminal. */
export const escapeCommands = (text: string): string =>
  text.replace(COMMANDS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

type Output = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>;

/** How wide a terminal is; undefined where the stream is none, and lines stay whole. */
export const columnsOf = ({ isTTY, columns }: Output): number | undefined => (isTTY ? columns || 80 : undefined);

const write = (stream: NodeJS.WriteStream, text: string, words?: readonly string[], indent?: string): void => {
  const columns = columnsOf(stream) ?? Number.POSITIVE_INFINITY;
  stream.write(`${wrapped(text, columns, { ...(words && { words }), ...(indent && { indent }) })}\n`);
};

/** A line of a result, or several, as they are: rows of a table. */
export const result = (text: string): void => {
  process.stdout.write(`${text.split('\n').map(escapeCommands).join('\n')}\n`);
};

/** A sentence of a result, which a terminal shows broken at word ends. */
export const sentence = (text: string, indent?: string): void =>
  write(process.stdout, escapeCommands(text), undefined, indent);

/** A line about what is being done. */
export const note = (line: string): void => write(process.stderr, escapeCommands(line));

/** A line with a command that people may paste, which is never broken. */
export const noteCommand = (line: string, command: string): void => {
  const [words, whole] = [escapeCommands(`${line}:`), ` ${escapeCommands(command)}`];
  write(process.stderr, words + whole, [...wordsOf(words), whole]);
};

let outputMatters = true;

/** From here on the work continues even if its output cannot be printed: a training matters more than its lines. */
export function workWithoutOutput(): void {
  outputMatters = false;
}

/** `vae info | head` closes the pipe early, which is not an error; a full disk behind stdout is one. */
export function handleOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!outputMatters) return;
      if (error.code === 'EPIPE') {
        // Nobody reads what went wrong; the exit code still tells.
        if (stream === process.stderr) return;
        process.exit(0);
      }
      if (stream === process.stdout) note(`vae: cannot print the result: ${describeSystemError(error)}`);
      process.exit(1);
    });
  }
}
