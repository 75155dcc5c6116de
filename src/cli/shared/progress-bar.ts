/**
 * Progress of long work, on stderr. It leaves the terminal's modes as they are (the cursor, the wrapping of lines), so that
 * nothing has to be restored, however the process ends.
 */

import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import type { WriteStream } from 'node:tty';
import cliProgress from 'cli-progress';
import { columnsOf, escapeCommands } from './terminal.ts';
import { formatSeconds } from './words.ts';

/** What may stand beside the bar. */
export interface Fields {
  readonly detail?: string;
  /** Seconds that all of the work will still take; by default it follows from the rate. */
  readonly left?: number | undefined;
}

/** A progress bar on a terminal; nothing elsewhere. */
export interface Bar {
  update(value: number, fields: Fields): void;
  stop(): void;
}

/** What a bar shows. */
export interface Look {
  readonly title: string;
  /** Of the work that is done, from 0 to 1. */
  readonly share: number;
  readonly rate: string;
  readonly detail: string;
  readonly left: string;
}

const SIZES = [24, 16, 10, 6];
const DRAWINGS_A_SECOND = 8;

/** The bar as a line of at most so many columns: first it gets shorter, then the rate goes, then the detail. */
export function layOut({ title, share, rate, detail, left }: Look, columns: number): string {
  const percent = `${Math.floor(100 * share)}%`.padStart(4);
  for (const parts of [[rate, detail, left], [detail, left], [left]]) {
    const words = [percent, ...parts.filter((part) => part !== '')].join(' | ');
    for (const size of SIZES) {
      const full = Math.round(size * share);
      const line = `${title} ${'█'.repeat(full)}${'░'.repeat(size - full)} ${words}`;
      if (line.length <= columns) return line;
    }
  }
  return `${title}${percent} | ${left}`.slice(0, Math.max(0, columns));
}

/** The rate and the time left follow from the work done since the bar's start. */
export function startBar(
  title: string,
  total: number,
  start: number,
  unit: string,
  stream: WriteStream = process.stderr as WriteStream,
): Bar {
  if (!stream.isTTY) return { update: () => undefined, stop: () => undefined };
  const began = performance.now();
  let [drawn, look] = ['', lookAt(start, {})];

  function lookAt(value: number, { detail = '', left }: Fields): Look {
    const rate = (value - start) / ((performance.now() - began) / 1000);
    const known = left ?? (rate > 0 ? (total - value) / rate : undefined);
    return {
      title: escapeCommands(title),
      share: total > 0 ? Math.min(1, value / total) : 0,
      rate: rate > 0 ? `${rate >= 10 ? rate.toFixed(0) : rate.toFixed(1)} ${unit}/s` : '',
      detail: escapeCommands(detail),
      left: known === undefined ? '' : `${formatSeconds(known)} left`,
    };
  }
  // Room stays for the cursor, and for the ^C that a terminal shows: neither may begin a new row.
  const format = (): string => {
    drawn = layOut(look, columnsOf(stream)! - 3);
    return drawn;
  };
  const bar = new cliProgress.SingleBar({
    ...{ format, stream, fps: DRAWINGS_A_SECOND, forceRedraw: true, clearOnComplete: true },
    // What ends a process may not let it put these back; and Ctrl-C is to save a training, not to end it.
    ...{ hideCursor: false, linewrap: true, gracefulExit: false },
  });
  /** In a window that has become narrower the line stands on several rows. */
  const reflow = (): void => {
    const rows = Math.ceil(drawn.length / columnsOf(stream)!);
    if (rows > 1) moveCursor(stream, 0, 1 - rows);
    cursorTo(stream, 0);
    clearScreenDown(stream);
    bar.render();
  };
  stream.on('resize', reflow);
  bar.start(1, look.share);
  return {
    update: (value, fields) => {
      look = lookAt(value, fields);
      bar.update(look.share);
    },
    stop: () => {
      stream.off('resize', reflow);
      bar.stop();
    },
  };
}
