/** Progress of long work, on stderr. */

import cliProgress from 'cli-progress';
import { formatSeconds } from './words.ts';

/** A progress bar on a terminal; nothing elsewhere. */
export interface Bar {
  update(value: number, fields: Readonly<Record<string, string>>): void;
  stop(): void;
}

/** The rate and the time left follow from the work done since the bar's start. */
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
    // It would end a training that is to be saved.
    gracefulExit: false,
    fps: 8,
  });
  // Unless the command handles Ctrl-C itself, it ends the process, and the terminal gets its cursor back first.
  const restore = (): void => {
    bar.stop();
    process.kill(process.pid, 'SIGINT');
  };
  if (process.listenerCount('SIGINT') === 0) process.once('SIGINT', restore);
  bar.start(total, start, { rate: '–', detail: '', remaining: '–' });
  return {
    update: (value, fields) => {
      const rate = (value - start) / ((performance.now() - began) / 1000);
      const remaining = rate > 0 ? formatSeconds((total - value) / rate) : '–';
      bar.update(value, { rate: rate >= 10 ? rate.toFixed(0) : rate.toFixed(1), remaining, detail: '', ...fields });
    },
    stop: () => {
      process.off('SIGINT', restore);
      bar.stop();
    },
  };
}
