/**
 * The native engine: a program becomes one C function, which the machine's compiler builds for its processor, and which
 * a pool of threads runs once a call. State, data and noise lie in memory of C.
 */

import { checkedEngine } from '../checked.ts';
import { Residents } from '../compiled/residents.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import { createExecutable } from './executable.ts';
import { openLibrary } from './library.ts';
import { NativeState } from './memory.ts';

/** @throws MissingError where there is no compiler; EngineError where it does not work. */
export async function createNativeEngine({ threads }: Pick<EngineOptions, 'threads'>): Promise<Engine> {
  const library = await openLibrary(threads);
  const residents = new Residents(library);
  return checkedEngine({
    name: 'native',
    description: `CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}, float32, ${library.description}`,
    allocate: (parameters, moments) => new NativeState(library, parameters, moments),
    compile: (program, { state, data }) => createExecutable(program, state, data, library, residents),
  });
}
