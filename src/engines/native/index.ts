/**
 * The native engine: a program becomes one C function, which the machine's compiler builds for its processor, and which
 * a pool of threads runs once a call. State, data and noise lie in memory of C.
 */

import { checkedEngine } from '../checked.ts';
import { Residents } from '../compiled/residents.ts';
import { type Engine, type EngineOptions, MissingError } from '../engine.ts';
import { createExecutable } from './executable.ts';
import { openLibrary } from './library.ts';
import { NativeState } from './memory.ts';

/** Floats in a vector of the processors on which it has been measured (AVX2), and is faster than onnxruntime. */
const MEASURED = 8;

/**
 * @throws MissingError where there is no compiler, or nobody has measured it on such a processor and nobody has asked for
 *   it; EngineError where it does not work.
 */
export async function createNativeEngine({
  threads,
  isUnasked = false,
}: Pick<EngineOptions, 'threads' | 'isUnasked'>): Promise<Engine> {
  const library = await openLibrary(threads);
  if (isUnasked && library.lanes !== MEASURED) {
    library.close();
    throw new MissingError('native: has not been measured on processors with such vectors');
  }
  const residents = new Residents(library);
  return checkedEngine({
    name: 'native',
    description: `CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}, float32, ${library.description}`,
    allocate: (parameters, moments) => new NativeState(library, parameters, moments),
    compile: (program, { state, data }) => createExecutable(program, state, data, library, residents),
  });
}
