/** Which backends of TensorFlow.js there are, what each needs, and how it is loaded. None is loaded before it is asked for. */

import { createRequire } from 'node:module';
import { npmInstall } from '../../base/npm.ts';
import { EngineError, type EngineOptions, MissingError } from '../engine.ts';

export type Tfjs = typeof import('@tensorflow/tfjs-core');

/** A backend that is ready. */
export interface Backend {
  readonly tf: Tfjs;
  /** What TensorFlow.js knows it by. */
  readonly name: string;
  /** As a person reads it. */
  readonly description: string;
}

interface Kind {
  /** In the order in which they must be loaded; the last brings the backend, the first the operations. */
  readonly packages: readonly string[];
  readonly name: string;
  /** What it needs besides its packages. */
  readonly needs?: string;
  readonly describe: (tf: Tfjs, options: EngineOptions) => string;
}

/** The version that this engine is tested with. */
const VERSION = '4.22.0';
const NATIVE = 'an install script that downloads libtensorflow, and Node 20 or 22 (24 has worked)';

const describeNative = (tf: Tfjs, { threads }: EngineOptions): string => {
  const { binding, isUsingGpuDevice } = tf.backend() as unknown as NodeBackend;
  return `libtensorflow ${binding.TF_Version} on the ${isUsingGpuDevice ? 'GPU' : `CPU, ${threads} thread${threads === 1 ? '' : 's'}`}`;
};

interface NodeBackend {
  readonly binding: { readonly TF_Version: string };
  readonly isUsingGpuDevice: boolean;
}

export const BACKENDS = {
  'node-gpu': {
    packages: ['@tensorflow/tfjs-node-gpu'],
    name: 'tensorflow',
    needs: `${NATIVE}; CUDA 11.2 and cuDNN 8.1`,
    describe: describeNative,
  },
  node: { packages: ['@tensorflow/tfjs-node'], name: 'tensorflow', needs: NATIVE, describe: describeNative },
  wasm: {
    packages: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm'],
    name: 'wasm',
    describe: (tf) => `WebAssembly${tf.env().get('WASM_HAS_SIMD_SUPPORT') ? ' with SIMD' : ''}, 1 thread`,
  },
  cpu: {
    packages: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu'],
    name: 'cpu',
    describe: () => 'plain JavaScript, 1 thread',
  },
} as const satisfies Record<string, Kind>;

export type BackendName = keyof typeof BACKENDS;

/**
 * Loads a backend's packages and makes it ready.
 * @throws MissingError if a package is not installed, EngineError if it does not work here.
 */
export async function loadBackend(backend: BackendName, options: EngineOptions): Promise<Backend> {
  const { packages, name, describe }: Kind = BACKENDS[backend];
  if (name === 'tensorflow') prepareNative(options);
  try {
    const modules: unknown[] = [];
    for (const one of packages) modules.push(((await import(one)) as { default: unknown }).default);
    const tf = modules[0] as Tfjs;
    // Without its advice to install another backend, which it prints to the terminal.
    tf.enableProdMode();
    if (!(await tf.setBackend(name))) throw new Error(`its backend "${name}" does not start`);
    await tf.ready();
    if (backend === 'node-gpu' && !(tf.backend() as unknown as NodeBackend).isUsingGpuDevice) {
      throw new Error('it finds no GPU');
    }
    return { tf, name, description: `TensorFlow.js ${tf.version_core}, ${describe(tf, options)}, float32` };
  } catch (error) {
    throw explain(backend, error);
  }
}

/** One line: what is missing or broken, what it needs, how to get it. */
function explain(backend: BackendName, error: unknown): EngineError {
  const { packages, needs }: Kind = BACKENDS[backend];
  const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
  const missing =
    (error as NodeJS.ErrnoException | null)?.code === 'ERR_MODULE_NOT_FOUND' &&
    packages.some((name) => reason.includes(`'${name}'`));
  // Those that need something else need their install scripts too.
  const install = npmInstall(
    packages.map((one) => `${one}@${VERSION}`),
    needs !== undefined,
  );
  const remedy = `${needs === undefined ? '' : `it needs ${needs}; `}run ${install}`;
  if (missing) return new MissingError(`tfjs:${backend}: ${packages.at(-1)} is not installed: ${remedy}`);
  return new EngineError(`tfjs:${backend}: ${packages.at(-1)} does not work here (${reason}): ${remedy}`);
}

/** What the native package takes from the process that loads it. */
function prepareNative({ threads }: EngineOptions): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  restoreRemovedUtilities();
}

/** tfjs-node 4.22 calls functions of node:util that Node 23 has removed. */
export function restoreRemovedUtilities(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}
