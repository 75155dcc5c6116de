/** Devices by name: an engine and, after a colon, what it runs on. Each is loaded only when it is asked for. */

import { npmReinstall } from '../base/npm.ts';
import { namesOf } from '../base/rules.ts';
import { joined } from '../base/words.ts';
import { type Engine, EngineError, type EngineOptions, MissingError } from './engine.ts';
import type { ProviderName } from './onnx/providers.ts';
import type { BackendName } from './tfjs/backends.ts';

type Create = (options: EngineOptions) => Promise<Engine>;

const ONNX_NEEDS = `onnxruntime-node, which has no binary for this platform (Alpine and Intel Macs) or is not installed: ${npmReinstall()}; until then use the device tfjs, or reference, which is slow`;

/** Loads a file of the onnx engine. A library that cannot be loaded is explained in one line. */
async function loadOnnx<File>(file: () => Promise<File>): Promise<File> {
  try {
    return await file();
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new EngineError(`onnx: needs ${ONNX_NEEDS} (${reason})`);
  }
}

const onnx: Create = async (options) => (await loadOnnx(() => import('./onnx/index.ts'))).createOnnxEngine(options);

const onnxOn =
  (provider: ProviderName): Create =>
  async (options) =>
    (await loadOnnx(() => import('./onnx/providers.ts'))).createProviderEngine(provider, options);

const tfjsOn =
  (backend: BackendName): Create =>
  async (options) =>
    (await import('./tfjs/index.ts')).createTfjsEngine(backend, options);

/**
 * The first engine that works. One that should work and does not is reported; one whose needs are not here is passed over.
 * @param easiest the one to recommend where none works.
 */
const firstOf =
  (names: readonly EngineName[], easiest: EngineName): Create =>
  async (options) => {
    const failures = new Map<EngineName, EngineError>();
    for (const name of names) {
      try {
        const engine = await engines[name]({ ...options, isUnasked: true });
        const broken = brokenOf(failures);
        if (broken.length > 0) {
          options.warn?.(
            `${broken.map(({ message }) => message).join('; ')}; continuing with the device ${engine.name}`,
          );
        }
        return engine;
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        failures.set(name, error);
      }
    }
    throw brokenOf(failures)[0] ?? failures.get(easiest);
  };

const brokenOf = (failures: ReadonlyMap<EngineName, EngineError>): EngineError[] =>
  [...failures.values()].filter((failure) => !(failure instanceof MissingError));

/** What `auto` takes, best first. `cuda` comes first once it has run on a GPU. */
export const PREFERENCE: readonly EngineName[] = ['native', 'onnx', 'tfjs:wasm', 'reference'];

/** The device that the variable VAE_DEVICE names for `auto`, if it does. */
function namedByEnvironment(): EngineName | undefined {
  const { VAE_DEVICE: name } = process.env;
  if (!name) return undefined;
  const { auto, ...others } = table;
  if (name in others) return name as EngineName;
  const known = joined(namesOf(others), 'and');
  throw new EngineError(`the variable VAE_DEVICE names "${name}", which is no device; devices are ${known}`);
}
/** What `tfjs` takes, best first. */
const TFJS_PREFERENCE: readonly EngineName[] = ['tfjs:node-gpu', 'tfjs:node', 'tfjs:wasm', 'tfjs:cpu'];

const table = {
  auto: async (options: EngineOptions) => {
    const named = namedByEnvironment();
    return named === undefined ? firstOf(PREFERENCE, 'reference')(options) : engines[named](options);
  },
  onnx,
  cuda: async ({ precision }: EngineOptions) =>
    (await import('./cuda/index.ts')).createCudaEngine(precision === undefined ? {} : { precision }),
  native: async (options: EngineOptions) => (await import('./native/index.ts')).createNativeEngine(options),
  'onnx:cuda': onnxOn('cuda'),
  'onnx:webgpu': onnxOn('webgpu'),
  'onnx:dml': onnxOn('dml'),
  'onnx:coreml': onnxOn('coreml'),
  webgpu: onnxOn('webgpu'),
  dml: onnxOn('dml'),
  coreml: onnxOn('coreml'),
  tfjs: (options: EngineOptions) => firstOf(TFJS_PREFERENCE, 'tfjs:wasm')(options),
  'tfjs:node-gpu': tfjsOn('node-gpu'),
  'tfjs:node': tfjsOn('node'),
  'tfjs:wasm': tfjsOn('wasm'),
  'tfjs:cpu': tfjsOn('cpu'),
  reference: async () => (await import('./reference/index.ts')).createReferenceEngine(),
};

export type EngineName = keyof typeof table;

/** Names that stand for another one, or for a choice among others. */
export const ALIASES: ReadonlySet<EngineName> = new Set(['auto', 'tfjs', 'webgpu', 'dml', 'coreml']);

/** Those that multiply in several precisions. */
export const WITH_PRECISION: ReadonlySet<EngineName> = new Set(['cuda']);

export const engines: { readonly [N in EngineName]: Create } = table;
