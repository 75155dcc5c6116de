/** What is printed, and where: results on stdout, everything else on stderr. */

import { describeSystemError } from '../../base/errors.ts';

/** A line of a result. */
export const result = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** A line about what is being done. */
export const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
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
      if (error.code === 'EPIPE') process.exit(0);
      if (stream === process.stdout) note(`vae: cannot print the result: ${describeSystemError(error)}`);
      process.exit(1);
    });
  }
}
