/**
 * Any backend of TensorFlow.js: a program runs node by node, as a table from primitive to operation, in 32-bit floats.
 *
 * Memory does not grow: values are freed after their last use, state is replaced by each update, and noise, gathered
 * rows and scalars live for one call.
 */

import { setImmediate } from 'node:timers/promises';
import { checkedEngine } from '../checked.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import { type BackendName, loadBackend } from './backends.ts';
import { type Context, createExecutable } from './executable.ts';
import { TfjsState } from './state.ts';

/** @throws EngineError if the backend is not installed or does not work here. */
export async function createTfjsEngine(backend: BackendName, options: EngineOptions): Promise<Engine> {
  const { tf, name, description } = await loadBackend(backend, options);
  // TensorFlow.js has one active backend for the whole process. One that is ready is active at once, before the promise.
  const activate = () => {
    if (tf.getBackend() !== name) void tf.setBackend(name);
    return tf;
  };
  const context: Context = { activate, name: `tfjs:${backend}` };
  return checkedEngine({
    name: context.name,
    description,
    hasOwnMemory: backend === 'node-gpu',
    allocate: (parameters, moments) => new TfjsState(parameters, moments, activate),
    compile: async (program, bindings) => {
      const executable = createExecutable(program, bindings, context);
      return {
        run: async (call) => {
          // A call computes without a pause; timers and signals get their turn before it.
          await setImmediate();
          return executable.run(call);
        },
        release: async () => executable.release(),
      };
    },
  });
}
