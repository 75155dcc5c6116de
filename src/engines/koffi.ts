/** The package koffi, which calls shared libraries: loaded only when an engine needs it. */

import type Koffi from 'koffi';
import { npmReinstall } from '../base/npm.ts';
import { EngineError } from './engine.ts';

/**
 * @param engine whose message it is.
 * @throws EngineError where it does not load.
 */
export async function importKoffi(engine: string): Promise<typeof Koffi> {
  try {
    return (await import('koffi')).default;
  } catch (error) {
    throw new EngineError(
      `${engine}: needs the package koffi, which does not load (${firstLine(error)}); ${npmReinstall()}`,
    );
  }
}

export const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0];
