/** An NVIDIA GPU as a device: one stream for everything, and graphs for what is recorded. */

import { EngineError, type Precision } from '../engine.ts';
import { KernelCache } from '../kernel-cache.ts';
import { openMultiplier, WORKSPACE_BYTES } from './cublaslt.ts';
import type { Device } from './device.ts';
import { ATTRIBUTES, type Driver, openDriver } from './driver.ts';
import { memoryOn } from './gpu-memory.ts';
import { createEvent, loaderOn } from './gpu-recording.ts';
import type { SearchOptions } from './libraries.ts';
import { type Compiler, OLDEST_CAPABILITY, openCompiler } from './nvrtc.ts';

const NON_BLOCKING_STREAM = 1;
const NAME_BYTES = 256;

export interface GpuOptions {
  readonly precision?: Precision;
  /** Which of the GPUs that CUDA_VISIBLE_DEVICES leaves. */
  readonly ordinal?: number;
  readonly search?: SearchOptions;
  /** Compiled kernels of earlier processes: in the user's cache by default. */
  readonly cache?: KernelCache;
}

/** @throws EngineError where there is no driver, no GPU, or a library is missing. */
export async function openGpu({
  precision = 'float32',
  ordinal = 0,
  search = {},
  cache = new KernelCache(),
}: GpuOptions = {}): Promise<Device> {
  const driver = await openDriver(search);
  const release = numberOf(driver.ask('cuDriverGetVersion'));
  const libraries = { ...search, newest: search.newest ?? Math.floor(release / 1000) };
  const gpu = findGpu(driver, ordinal);
  const compiler = await openCompiler(libraries, cache);
  expectKnown(gpu, compiler);
  driver.call('cuCtxSetCurrent', driver.ask('cuDevicePrimaryCtxRetain', gpu.device));
  const stream = driver.ask('cuStreamCreate', NON_BLOCKING_STREAM);
  const memory = memoryOn(driver, stream);
  const multiplier = await openMultiplier(memory.allocate(WORKSPACE_BYTES), precision, libraries);
  const load = loaderOn(driver, stream, multiplier);
  const cuda = `CUDA ${Math.floor(release / 1000)}.${Math.floor((release % 1000) / 10)}`;
  return {
    description: `${gpu.name}, ${precision}, ${cuda}, NVRTC ${compiler.version}, cuBLASLt ${multiplier.version}`,
    ...memory,
    compile: (source) => load(compiler.compile(source, gpu.capability)),
    createEvent: () => createEvent(driver, stream),
  };
}

interface Gpu {
  readonly device: number;
  readonly name: string;
  /** 90 is compute capability 9.0. */
  readonly capability: number;
}

const numberOf = (word: bigint): number => Number(word & 0xffffffffn);

function findGpu(driver: Driver, ordinal: number): Gpu {
  const device = numberOf(driver.ask('cuDeviceGet', ordinal));
  const attribute = (which: number): number => numberOf(driver.ask('cuDeviceGetAttribute', which, device));
  const capability = 10 * attribute(ATTRIBUTES.major) + attribute(ATTRIBUTES.minor);
  const bytes = new Uint8Array(NAME_BYTES);
  driver.call('cuDeviceGetName', bytes, NAME_BYTES, device);
  const name = new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  if (capability < OLDEST_CAPABILITY) {
    throw new EngineError(
      `${name} has compute capability ${capability / 10}; the cuda engine needs ${OLDEST_CAPABILITY / 10} or more`,
      OTHER_DEVICE,
    );
  }
  return { device, name, capability };
}

/** What works on any machine. */
const OTHER_DEVICE = { remedies: [{ field: 'device', value: 'onnx' }] } as const;

function expectKnown({ name, capability }: Gpu, { version, capabilities }: Compiler): void {
  if (Math.min(...capabilities) <= capability) return;
  throw new EngineError(
    `NVRTC ${version} no longer knows ${name}, of compute capability ${capability / 10}; install an older CUDA`,
    OTHER_DEVICE,
  );
}
