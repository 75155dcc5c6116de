/** What is printed, and where: results on stdout, everything else on stderr. */

import cliProgress from 'cli-progress';
import { describeSystemError } from '../base/errors.ts';

/** A line of a result. */
export const result = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** A line about what is being done. */
export const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

let outputMatters = true;

/** From here on the work goes on though nobody reads or stores what is printed: a training is worth more than its lines. */
export function workWithoutOutput(): void {
  outputMatters = false;
}

/** `vae info | head` closes the pipe early, which is no error; a full disk behind stdout is. */
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

export const nats = (value: number): string => `${value < 0 ? '−' : ''}${Math.abs(value).toFixed(2)}`;

/** A progress bar on a terminal; nothing elsewhere. */
export interface Bar {
  update(value: number, fields: Readonly<Record<string, string>>): void;
  stop(): void;
}

/** Times in a bar are counted from its start, by the work done since. */
export function startBar(title: string, total: number, start: number, unit: string): Bar {
  const began = performance.now();
  const bar = new cliProgress.SingleBar({
    format: `${title} {bar} {percentage}% | {rate} ${unit}/s | {detail}ETA {remaining}`,
    stream: process.stderr,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    // Ctrl-C is handled by the command, which saves the run.
    gracefulExit: false,
    fps: 8,
  });
  bar.start(total, start, { rate: '–', detail: '', remaining: '–' });
  return {
    update: (value, fields) => {
      const rate = (value - start) / ((performance.now() - began) / 1000);
      const remaining = rate > 0 ? formatSeconds((total - value) / rate) : '–';
      bar.update(value, { rate: rate >= 10 ? rate.toFixed(0) : rate.toFixed(1), remaining, detail: '', ...fields });
    },
    stop: () => bar.stop(),
  };
}

export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}
