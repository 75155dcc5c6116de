/** CUDA's driver API: its functions by name, each result checked, and what its errors mean to a person. */

import { EngineError } from '../engine.ts';
import {
  type Argument,
  type Foreign,
  type ForeignFunction,
  fixedWords,
  openLibrary,
  type Pointer,
  textAt,
} from './foreign.ts';
import type { SearchOptions } from './libraries.ts';

/** Handles and device addresses are 64-bit words; `void*` is memory of the host. All return a CUresult. */
const PROTOTYPES = {
  cuInit: 'int cuInit(uint32_t flags)',
  cuDriverGetVersion: 'int cuDriverGetVersion(void* version)',
  cuGetErrorString: 'int cuGetErrorString(int error, void* text)',
  cuDeviceGetCount: 'int cuDeviceGetCount(void* count)',
  cuDeviceGet: 'int cuDeviceGet(void* device, int ordinal)',
  cuDeviceGetName: 'int cuDeviceGetName(void* name, int length, int device)',
  cuDeviceGetAttribute: 'int cuDeviceGetAttribute(void* value, int attribute, int device)',
  cuDevicePrimaryCtxRetain: 'int cuDevicePrimaryCtxRetain(void* context, int device)',
  cuCtxSetCurrent: 'int cuCtxSetCurrent(uint64_t context)',
  cuStreamCreate: 'int cuStreamCreate(void* stream, uint32_t flags)',
  cuStreamSynchronize: 'int cuStreamSynchronize(uint64_t stream)',
  cuMemGetInfo: 'int cuMemGetInfo_v2(void* free, void* total)',
  cuMemAlloc: 'int cuMemAlloc_v2(void* address, size_t bytes)',
  cuMemFree: 'int cuMemFree_v2(uint64_t address)',
  cuMemHostAlloc: 'int cuMemHostAlloc(void* address, size_t bytes, uint32_t flags)',
  cuMemFreeHost: 'int cuMemFreeHost(uint64_t address)',
  cuMemsetD8Async: 'int cuMemsetD8Async(uint64_t address, uint8_t value, size_t bytes, uint64_t stream)',
  cuMemcpyHtoDAsync: 'int cuMemcpyHtoDAsync_v2(uint64_t to, void* from, size_t bytes, uint64_t stream)',
  cuMemcpyDtoHAsync: 'int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, uint64_t stream)',
  cuModuleLoadData: 'int cuModuleLoadData(void* module, void* image)',
  cuModuleUnload: 'int cuModuleUnload(uint64_t module)',
  cuModuleGetFunction: 'int cuModuleGetFunction(void* function, uint64_t module, str name)',
  cuLaunchKernel:
    'int cuLaunchKernel(uint64_t function, uint32_t gx, uint32_t gy, uint32_t gz, uint32_t bx, uint32_t by, uint32_t bz, uint32_t shared, uint64_t stream, uint64_t params, uint64_t extra)',
  cuStreamBeginCapture: 'int cuStreamBeginCapture_v2(uint64_t stream, int mode)',
  cuStreamEndCapture: 'int cuStreamEndCapture(uint64_t stream, void* graph)',
  cuGraphInstantiate: 'int cuGraphInstantiateWithFlags(void* exec, uint64_t graph, uint64_t flags)',
  cuGraphDestroy: 'int cuGraphDestroy(uint64_t graph)',
  cuGraphUpload: 'int cuGraphUpload(uint64_t exec, uint64_t stream)',
  cuGraphLaunch: 'int cuGraphLaunch(uint64_t exec, uint64_t stream)',
  cuGraphExecDestroy: 'int cuGraphExecDestroy(uint64_t exec)',
  cuEventCreate: 'int cuEventCreate(void* event, uint32_t flags)',
  cuEventRecord: 'int cuEventRecord(uint64_t event, uint64_t stream)',
  cuEventQuery: 'int cuEventQuery(uint64_t event)',
  cuEventSynchronize: 'int cuEventSynchronize(uint64_t event)',
  cuEventDestroy: 'int cuEventDestroy_v2(uint64_t event)',
} as const;

type Name = keyof typeof PROTOTYPES;

const OUT_OF_MEMORY = 2;
const NO_DEVICE = 100;
export const NOT_READY = 600;

/** Attributes of a device that are asked for. */
export const ATTRIBUTES = { major: 75, minor: 76, multiprocessors: 16 } as const;

/** What to do about an error. */
function remedyFor(code: number): string {
  switch (code) {
    case OUT_OF_MEMORY:
      return "the GPU's memory is full; use a smaller batch, fewer samples or a smaller network, or end other programs that use it";
    case NO_DEVICE:
      return 'there is a driver but no GPU that this process may use; look at nvidia-smi and CUDA_VISIBLE_DEVICES, or use the device onnx';
    case 35:
    case 803:
      return "the driver's parts do not fit each other; install the driver anew";
    case 209:
    case 218:
    case 222:
      return 'the compiled kernels do not fit this GPU or driver; install a newer driver or an older CUDA';
    case 400:
    case 700:
    case 702:
    case 716:
    case 717:
    case 718:
    case 719:
      return 'the device is lost to this process; resume the run from its last checkpoint';
    default:
      return 'look at nvidia-smi, or use the device onnx';
  }
}

export interface Driver {
  /** Calls a function. Throws EngineError where it fails. */
  call(name: Name, ...args: readonly Argument[]): void;
  /** Calls a function whose first argument says where its result goes, and returns that result as a 64-bit word. */
  ask(name: Name, ...args: readonly Argument[]): bigint;
  /** Calls a function and returns its code. */
  codeOf(name: Name, ...args: readonly Argument[]): number;
  /** @throws EngineError that says what failed and what to do about it. */
  fail(doing: string, code: number): never;
}

/** The driver, initialised. Throws EngineError where there is none, or no GPU. */
export async function openDriver(options: SearchOptions = {}): Promise<Driver> {
  const driver = driverOf(await openLibrary('driver', options));
  driver.call('cuInit', 0);
  if (countOf(driver) === 0) driver.fail('cuDeviceGetCount', NO_DEVICE);
  return driver;
}

const countOf = (driver: Driver): number => Number(driver.ask('cuDeviceGetCount') & 0xffffffffn);

function driverOf(library: Foreign): Driver {
  const bound = new Map<Name, ForeignFunction>();
  const functionOf = (name: Name): ForeignFunction => {
    const known = bound.get(name) ?? library.bind(PROTOTYPES[name]);
    bound.set(name, known);
    return known;
  };
  // Where results go: memory that stays where it is.
  const result = fixedWords(1);
  const driver: Driver = {
    codeOf: (name, ...args) => functionOf(name)(...args),
    call: (name, ...args) => {
      const code = functionOf(name)(...args);
      if (code !== 0) driver.fail(name, code);
    },
    ask: (name, ...args) => {
      result.words[0] = 0n;
      driver.call(name, result.address, ...args);
      return result.words[0];
    },
    fail: (doing, code) => {
      throw new EngineError(`CUDA: ${describe(code)} (${doing}, error ${code}): ${remedyFor(code)}`);
    },
  };
  const describe = (code: number): string => {
    result.words[0] = 0n;
    functionOf('cuGetErrorString')(code, result.address);
    const text: Pointer = result.words[0];
    return text === 0n ? 'unknown error' : textAt(text);
  };
  return driver;
}
