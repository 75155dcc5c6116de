/** Starts the engine that a command computes on. */

import { counted } from '../../base/words.ts';
import type { Engine, Precision } from '../../engines/engine.ts';
import { type EngineName, engines } from '../../engines/index.ts';
import { defaultThreads } from './options.ts';
import { note } from './terminal.ts';

/** No more threads than can run at once: 1,024 on two processors take eighty times as long as two. */
export const usableThreads = (threads: number): number => Math.min(threads, defaultThreads());

/**
 * The device's engine, with as many threads as are of use. If there are fewer than asked for, or `auto` or `tfjs` skips a
 * device that should work here, a line on stderr says so.
 * @throws EngineError if it is not on this machine or does not work here.
 */
export function openEngine(device: EngineName, threads: number, precision: Precision = 'float32'): Promise<Engine> {
  const usable = usableThreads(threads);
  if (usable < threads) {
    note(`--threads ${threads}: this machine has ${counted(usable, 'processor')}; using ${usable}`);
  }
  return engines[device]({ threads: usable, precision, warn: note });
}
