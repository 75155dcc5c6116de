/** An NVIDIA GPU as a device: one stream for everything, and graphs for what is recorded. */

import { EngineError, type Precision } from '../engine.ts';
import { openMultiplier, WORKSPACE_BYTES } from './cublaslt.ts';
import type { Address, Commands, Device, Event, Kernels, Pinned, Recording } from './device.ts';
import { ATTRIBUTES, NOT_READY, openDriver } from './driver.ts';
import { fixedWords, viewOf } from './foreign.ts';
import { KernelCache } from './kernel-cache.ts';
import type { SearchOptions } from './libraries.ts';
import { OLDEST_CAPABILITY, openCompiler } from './nvrtc.ts';

const NON_BLOCKING_STREAM = 1;
/** Events that only say that a point is reached cost less than those that take the time. */
const EVENT_WITHOUT_TIME = 2;
/** This thread may do anything while its stream is captured, such as load a kernel when it is first used. */
const CAPTURE_RELAXED = 2;
const NAME_BYTES = 256;
/** The most arguments that a kernel's source may have on every GPU: 4 KB of addresses. */
const MOST_ARGUMENTS = 512;

export interface GpuOptions {
  readonly precision?: Precision;
  /** Which of the GPUs that CUDA_VISIBLE_DEVICES leaves. */
  readonly ordinal?: number;
  readonly search?: SearchOptions;
  /** Compiled kernels of earlier processes: in the user's cache unless said. */
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
  const number = (word: bigint): number => Number(word & 0xffffffffn);
  const release = number(driver.ask('cuDriverGetVersion'));
  const libraries = { ...search, newest: search.newest ?? Math.floor(release / 1000) };
  const device = number(driver.ask('cuDeviceGet', ordinal));
  const attribute = (which: number): number => number(driver.ask('cuDeviceGetAttribute', which, device));
  const capability = 10 * attribute(ATTRIBUTES.major) + attribute(ATTRIBUTES.minor);
  const name = nameOf((bytes) => driver.call('cuDeviceGetName', bytes, NAME_BYTES, device));
  if (capability < OLDEST_CAPABILITY) {
    throw new EngineError(
      `${name} has compute capability ${capability / 10}; the cuda engine needs ${OLDEST_CAPABILITY / 10} or more; use --device onnx`,
    );
  }
  const compiler = await openCompiler(libraries, cache);
  if (Math.min(...compiler.capabilities) > capability) {
    throw new EngineError(
      `NVRTC ${compiler.version} no longer knows ${name}, of compute capability ${capability / 10}; install an older CUDA, or use --device onnx`,
    );
  }
  driver.call('cuCtxSetCurrent', driver.ask('cuDevicePrimaryCtxRetain', device));
  const stream = driver.ask('cuStreamCreate', NON_BLOCKING_STREAM);
  const wait = (): void => driver.call('cuStreamSynchronize', stream);

  const allocate = (bytes: number): Address => {
    const address = driver.ask('cuMemAlloc', Math.max(bytes, 1));
    driver.call('cuMemsetD8Async', address, 0, Math.max(bytes, 1), stream);
    return address;
  };
  const multiplier = await openMultiplier(allocate(WORKSPACE_BYTES), precision, libraries);

  /** cuLaunchKernel takes pointers to the arguments: these stay where they are. */
  const values = fixedWords(MOST_ARGUMENTS);
  const pointers = fixedWords(MOST_ARGUMENTS);
  pointers.words.forEach((_, i) => {
    pointers.words[i] = values.address + BigInt(8 * i);
  });

  const captured = fixedWords(1);
  const record = (functionOf: (kernel: string) => bigint, build: (commands: Commands) => void): Recording => {
    const multiply: Commands['multiply'] = (shape, a, b, c) => multiplier.multiply(shape, a, b, c, stream);
    // Kernels are looked up and products run once before they are captured, so that what must be loaded for them is.
    build({ launch: (kernel) => void functionOf(kernel), multiply });
    wait();
    driver.call('cuStreamBeginCapture', stream, CAPTURE_RELAXED);
    try {
      build({
        launch: (kernel, { blocks, threads }, args) => {
          values.words.set(args);
          driver.call(
            'cuLaunchKernel',
            functionOf(kernel),
            blocks,
            1,
            1,
            threads,
            1,
            1,
            0,
            stream,
            pointers.address,
            0,
          );
        },
        multiply,
      });
    } finally {
      driver.call('cuStreamEndCapture', stream, captured.address);
    }
    const [graph] = captured.words;
    const executable = driver.ask('cuGraphInstantiate', graph, 0);
    driver.call('cuGraphDestroy', graph);
    driver.call('cuGraphUpload', executable, stream);
    return {
      launch: () => driver.call('cuGraphLaunch', executable, stream),
      release: () => {
        wait();
        driver.call('cuGraphExecDestroy', executable);
      },
    };
  };

  return {
    description: `${name}, ${precision}, CUDA ${Math.floor(release / 1000)}.${Math.floor((release % 1000) / 10)}, NVRTC ${compiler.version}, cuBLASLt ${multiplier.version}`,
    allocate,
    free: (address) => driver.call('cuMemFree', address),
    allocatePinned: (bytes): Pinned => {
      const address = driver.ask('cuMemHostAlloc', Math.max(bytes, 1), 0);
      return { address, bytes: viewOf(address, bytes), release: () => driver.call('cuMemFreeHost', address) };
    },
    write: (address, source) => {
      if (source.byteLength > 0) driver.call('cuMemcpyHtoDAsync', address, source, source.byteLength, stream);
      wait();
    },
    read: (address, into) => {
      if (into.byteLength > 0) driver.call('cuMemcpyDtoHAsync', into, address, into.byteLength, stream);
      wait();
    },
    upload: (from, to, bytes) => {
      if (bytes > 0) driver.call('cuMemcpyHtoDAsync', to, from.address, bytes, stream);
    },
    download: (from, to, bytes) => {
      if (bytes > 0) driver.call('cuMemcpyDtoHAsync', to.address, from, bytes, stream);
    },
    compile: (source): Kernels => {
      const module = driver.ask('cuModuleLoadData', compiler.compile(source, capability));
      const functions = new Map<string, bigint>();
      const functionOf = (kernel: string): bigint => {
        const known = functions.get(kernel) ?? driver.ask('cuModuleGetFunction', module, kernel);
        functions.set(kernel, known);
        return known;
      };
      return {
        record: (build) => record(functionOf, build),
        release: () => {
          wait();
          driver.call('cuModuleUnload', module);
        },
      };
    },
    createEvent: (): Event => {
      const event = driver.ask('cuEventCreate', EVENT_WITHOUT_TIME);
      return {
        record: () => driver.call('cuEventRecord', event, stream),
        isDone: () => {
          const code = driver.codeOf('cuEventQuery', event);
          if (code !== 0 && code !== NOT_READY) driver.fail('cuEventQuery', code);
          return code === 0;
        },
        wait: () => driver.call('cuEventSynchronize', event),
        release: () => driver.call('cuEventDestroy', event),
      };
    },
  };
}

function nameOf(fill: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(NAME_BYTES);
  fill(bytes);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}
