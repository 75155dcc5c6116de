/**
 * onnxruntime's C API, in the library that onnxruntime-node brings.
 *
 * The API is a struct of pointers to functions, in the order of onnxruntime_c_api.h, to which later versions append.
 */

import './privacy.ts';

import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { default as Koffi, TypeObject } from 'koffi';
import { env } from 'onnxruntime-node';

/** The one that has all the functions below. A library serves every version up to its own. */
const API_VERSION = 8;

const HANDLE = 'void *';

/** Each function's place in the struct, and what it takes. Where the last is `out`, it gives what it makes. */
const FUNCTIONS = {
  CreateEnv: [3, 'int', 'str', 'out'],
  CreateSessionFromArray: [8, HANDLE, HANDLE, 'size_t', HANDLE, 'out'],
  CreateSessionOptions: [10, 'out'],
  SetSessionLogSeverityLevel: [22, HANDLE, 'int'],
  SetIntraOpNumThreads: [24, HANDLE, 'int'],
  SetInterOpNumThreads: [25, HANDLE, 'int'],
  CreateRunOptions: [39, 'out'],
  CreateTensorWithDataAsOrtValue: [49, HANDLE, HANDLE, 'size_t', HANDLE, 'size_t', 'int', 'out'],
  CreateCpuMemoryInfo: [69, 'int', 'int', 'out'],
  AddSessionConfigEntry: [130, HANDLE, 'str', 'str'],
  RunWithBinding: [133, HANDLE, HANDLE, HANDLE],
  CreateIoBinding: [134, HANDLE, 'out'],
  BindInput: [136, HANDLE, 'str', HANDLE],
  BindOutput: [137, HANDLE, 'str', HANDLE],
  CreateAndRegisterAllocator: [144, HANDLE, HANDLE, HANDLE],
  AddRunConfigEntry: [165, HANDLE, 'str', 'str'],
} as const;

/** The functions that free what others made. */
const RELEASES = {
  Status: 93,
  MemoryInfo: 94,
  Session: 95,
  Value: 96,
  RunOptions: 97,
  SessionOptions: 100,
  IoBinding: 135,
} as const;

const GET_ERROR_MESSAGE = 2;
const STRUCT_LENGTH = 166;

export type Pointer = bigint;
type Argument = Pointer | number | string | null | ArrayBufferView | [Pointer | null];
type Foreign = (...args: unknown[]) => unknown;

export interface CApi {
  /** Calls a function that makes nothing. Throws an Error with the library's message, as `create` does. */
  call(name: keyof typeof FUNCTIONS, ...args: Argument[]): void;
  /** Calls a function that makes something, which is the caller's to release. */
  create(name: keyof typeof FUNCTIONS, ...args: Argument[]): Pointer;
  release(what: keyof typeof RELEASES, pointer: Pointer): void;
  /**
   * Where an array's first value lies. It stays there for as long as the array is held and not transferred: only small
   * arrays begin inside the garbage collector's heap, and asking for their `buffer` moves them out of it for good.
   */
  addressOf(values: ArrayBufferView): Pointer;
}

let loaded: Promise<CApi | undefined> | undefined;

/** The API, or undefined where koffi or the library cannot be loaded. */
export const loadCApi = (): Promise<CApi | undefined> => {
  loaded ??= load().catch(() => undefined);
  return loaded;
};

async function load(): Promise<CApi> {
  const koffi = (await import('koffi')).default;
  const table = functionTable(koffi);
  const bind = (place: number, result: string, parameters: readonly (string | TypeObject)[]): Foreign =>
    koffi.decode(table[place], koffi.proto(result, [...parameters]));
  const out = koffi.out(koffi.pointer(HANDLE)) as unknown as TypeObject;

  const functions = Object.entries(FUNCTIONS).map(([name, [place, ...parameters]]) => {
    const types = parameters.map((parameter) => (parameter === 'out' ? out : parameter));
    return [name, bind(place, HANDLE, types)] as const;
  });
  const named: Record<string, Foreign> = Object.fromEntries(functions);
  const releases: Record<string, Foreign> = Object.fromEntries(
    Object.entries(RELEASES).map(([what, place]) => [what, bind(place, 'void', [HANDLE])] as const),
  );
  const getErrorMessage = bind(GET_ERROR_MESSAGE, 'str', [HANDLE]);

  const call: CApi['call'] = (name, ...args) => {
    const status = named[name](...args);
    if (status === null) return;
    const message = String(getErrorMessage(status));
    releases.Status(status);
    throw new Error(message);
  };
  return {
    call,
    create: (name, ...args) => {
      const made: [Pointer | null] = [null];
      call(name, ...args, made);
      return made[0]!;
    },
    release: (what, pointer) => releases[what](pointer),
    addressOf: (values) => koffi.address(values),
  };
}

/** The addresses of the API's functions. */
function functionTable(koffi: typeof Koffi): readonly Pointer[] {
  const addresses = (pointer: Pointer, count: number): Pointer[] =>
    koffi.decode(pointer, koffi.array(HANDLE, count)) as Pointer[];
  const base = koffi.load(libraryPath()).func('OrtGetApiBase', HANDLE, [])() as Pointer;
  const [getApi, getVersion] = addresses(base, 2);
  const version = koffi.call(getVersion, koffi.proto('str', []));
  if (version !== env.versions.node) throw new Error(`onnxruntime ${version} is not that of onnxruntime-node`);
  return addresses(koffi.call(getApi, koffi.proto(HANDLE, ['uint32_t']), API_VERSION), STRUCT_LENGTH);
}

/** Beside the binding, where it is the same library that the binding has loaded. */
function libraryPath(): string {
  const root = dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')));
  const folder = join(root, 'bin', 'napi-v6', process.platform, process.arch);
  const file = readdirSync(folder).find((name) => /^(lib)?onnxruntime\.(so\.1|1\.dylib|dll)$/.test(name));
  if (file === undefined) throw new Error(`no library in ${folder}`);
  return join(folder, file);
}
