/**
 * A session through onnxruntime's C API: on the CPU, and nothing is copied.
 *
 * Tensors are bound once, by address, so the session holds every array for as long as it can run.
 */

import { setImmediate } from 'node:timers/promises';
import type { CApi, Pointer } from './c-api.ts';
import { DATA_TYPES } from './protobuf.ts';
import {
  type BoundGraph,
  type BoundTensor,
  LOG_SEVERITY,
  SESSION_OPTIONS,
  type Session,
  type Sessions,
} from './session.ts';

/** OrtDeviceAllocator, OrtMemTypeDefault: memory that the library does not own. */
const OWN_MEMORY = [0, 0] as const;
/** OrtArenaAllocator, OrtMemTypeDefault: memory that the library keeps for its next need. */
const ARENA = [1, 0] as const;

let environment: Pointer | undefined;

/**
 * The process's only one, shared with the binding; it lives as long. Its sessions take their memory from one arena,
 * because they run one at a time: training a convolutional network on MNIST, where each epoch has two sizes of batches
 * for training and two for evaluation, takes 345 MB, and 670 where each session has an arena of its own.
 */
function createEnvironment(api: CApi): Pointer {
  const created = api.create('CreateEnv', LOG_SEVERITY, 'vae');
  const memory = api.create('CreateCpuMemoryInfo', ...ARENA);
  try {
    api.call('CreateAndRegisterAllocator', created, memory, null);
  } finally {
    api.release('MemoryInfo', memory);
  }
  return created;
}

export const nativeSessions = (api: CApi): Sessions => ({ open: (graph) => openSession(api, graph), takeShared: true });

async function openSession(api: CApi, { model, inputs, outputs, threads }: BoundGraph): Promise<Session> {
  const held = [...inputs, ...outputs].map(({ name, values }) => ({ name, values, bytes: values.byteLength }));
  const releases: (() => void)[] = [];
  const releaseAll = (): void => {
    for (const release of releases.splice(0).reverse()) release();
  };
  const owned = (what: Parameters<CApi['release']>[0], pointer: Pointer): Pointer => {
    releases.push(() => api.release(what, pointer));
    return pointer;
  };

  environment ??= createEnvironment(api);
  await setImmediate();
  try {
    const options = owned('SessionOptions', api.create('CreateSessionOptions'));
    api.call('SetIntraOpNumThreads', options, threads);
    api.call('SetInterOpNumThreads', options, 1);
    api.call('SetSessionLogSeverityLevel', options, LOG_SEVERITY);
    for (const [name, value] of Object.entries(SESSION_OPTIONS)) {
      api.call('AddSessionConfigEntry', options, `session.${name}`, value);
    }
    api.call('AddSessionConfigEntry', options, 'session.use_env_allocators', '1');
    // The first run takes its memory piece by piece and learns how much there must be; the next ones take it as one piece.
    const firstRun = owned('RunOptions', api.create('CreateRunOptions'));
    api.call('AddRunConfigEntry', firstRun, 'memory.enable_memory_arena_shrinkage', 'cpu:0');
    const laterRun = owned('RunOptions', api.create('CreateRunOptions'));
    let hasRun = false;
    const session = owned(
      'Session',
      api.create('CreateSessionFromArray', environment, model, model.byteLength, options),
    );
    const binding = owned('IoBinding', api.create('CreateIoBinding', session));
    for (const tensor of inputs) bind(api, 'BindInput', binding, tensor);
    for (const tensor of outputs) bind(api, 'BindOutput', binding, tensor);

    return {
      run: async () => {
        await setImmediate();
        if (releases.length === 0) throw new Error('the session is released');
        // The memory of an array that was transferred to another thread is no longer ours.
        const gone = held.find(({ values, bytes }) => values.byteLength !== bytes);
        if (gone !== undefined) throw new Error(`the memory of ${gone.name} is gone`);
        api.call('RunWithBinding', session, hasRun ? laterRun : firstRun, binding);
        hasRun = true;
      },
      release: async () => releaseAll(),
    };
  } catch (error) {
    releaseAll();
    throw error;
  }
}

/** Binds an array to an input or output by name. The binding shares the tensor; the memory stays the array's. */
function bind(
  api: CApi,
  how: 'BindInput' | 'BindOutput',
  binding: Pointer,
  { name, values, dtype, shape }: BoundTensor,
): void {
  const sizes = BigInt64Array.from(shape, BigInt);
  const memory = api.create('CreateCpuMemoryInfo', ...OWN_MEMORY);
  try {
    const tensor = api.create(
      'CreateTensorWithDataAsOrtValue',
      memory,
      api.addressOf(values),
      values.byteLength,
      sizes,
      sizes.length,
      DATA_TYPES[dtype],
    );
    try {
      api.call(how, binding, name, tensor);
    } finally {
      api.release('Value', tensor);
    }
  } finally {
    api.release('MemoryInfo', memory);
  }
}
