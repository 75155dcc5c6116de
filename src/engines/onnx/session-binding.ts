/**
 * A session of onnxruntime-node, for the providers beside the CPU, and for where its library cannot be called directly.
 *
 * It writes outputs in place, and then copies each into a new array for its caller, who has no use for it here.
 */

import './privacy.ts';

import { env, InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import {
  type BoundGraph,
  type BoundTensor,
  LOG_SEVERITY,
  SESSION_OPTIONS,
  type Session,
  type Sessions,
} from './session.ts';

env.logLevel = 'fatal';

/** Wraps arrays as tensors of onnxruntime, without a copy. */
function wrapped(tensors: readonly BoundTensor[]): Record<string, OrtTensor> {
  const entries = tensors.map(({ name, values, dtype, shape }) => {
    const type = dtype === 'float' ? 'float32' : dtype;
    return [name, new OrtTensor(type, values as Float32Array, shape)] as const;
  });
  return Object.fromEntries(entries);
}

/** @param options beside those that are always set. */
export const bindingSessionsWith = (options: InferenceSession.SessionOptions): Sessions => ({
  open: (graph) => openSession(graph, options),
  takeShared: false,
});

export const bindingSessions: Sessions = bindingSessionsWith({});

async function openSession(
  { model, inputs, outputs, threads, provider }: BoundGraph,
  options: InferenceSession.SessionOptions,
): Promise<Session> {
  const [feeds, fetches] = [wrapped(inputs), wrapped(outputs)];
  const session = await InferenceSession.create(model, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: LOG_SEVERITY,
    extra: { session: SESSION_OPTIONS },
    ...options,
  });
  return {
    run: async () => {
      await session.run(feeds, fetches);
    },
    release: () => session.release(),
  };
}
