/** Which of the libraries that the CUDA engine needs are on this machine: for people who ask why it does not run. */

import { existsSync } from 'node:fs';
import { firstLine } from '../koffi.ts';
import { openDriver } from './driver.ts';
import { loadKoffi, openLibrary } from './foreign.ts';
import { findLibrary, LIBRARIES, type LibraryName, type SearchOptions } from './libraries.ts';

export interface LibraryReport {
  readonly name: LibraryName;
  readonly what: string;
  /** Its file, where it was found and can be loaded. */
  readonly path?: string;
  /** What to do, where it was not found. */
  readonly missing?: string;
}

export interface CudaReport {
  readonly libraries: readonly LibraryReport[];
  /** Whether everything is there; a GPU may still be missing, or too old. */
  readonly complete: boolean;
  /** Why the driver does not start, where it is there. */
  readonly driver?: string;
}

/** Looks for each library and loads it. It starts nothing on a GPU. */
export async function examineCuda(options: SearchOptions = {}): Promise<CudaReport> {
  const libraries: LibraryReport[] = [];
  for (const name of Object.keys(LIBRARIES) as LibraryName[]) libraries.push(await examineLibrary(name, options));
  const complete = libraries.every(({ missing }) => missing === undefined);
  if (libraries[0].missing !== undefined) return { libraries, complete };
  try {
    await openDriver(options);
    return { libraries, complete };
  } catch (error) {
    return { libraries, complete: false, driver: firstLine(error) };
  }
}

async function examineLibrary(name: LibraryName, options: SearchOptions): Promise<LibraryReport> {
  const { what } = LIBRARIES[name];
  try {
    await loadKoffi();
    const { path } = await openLibrary(name, options);
    return { name, what, path };
  } catch (error) {
    return { name, what, missing: firstLine(error) };
  }
}

/** Whether it is worth trying at all: a machine without the driver has no NVIDIA GPU. It only looks at files. */
export const hasDriver = (options: SearchOptions = {}): boolean =>
  findLibrary('driver', options) !== undefined || existsSync('/dev/nvidiactl');
