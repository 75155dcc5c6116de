/** Starts the engine that a command computes on. */

import type { Engine, Precision } from '../../engines/engine.ts';
import { type EngineName, engines } from '../../engines/index.ts';
import { note } from './terminal.ts';

/**
 * The device's engine. If `auto` or `tfjs` skips one that should work here, a line on stderr says so.
 * @throws EngineError if it is not on this machine or does not work here.
 */
export const openEngine = (device: EngineName, threads: number, precision: Precision = 'float32'): Promise<Engine> =>
  engines[device]({ threads, precision, warn: note });
