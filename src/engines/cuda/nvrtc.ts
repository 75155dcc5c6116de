/** CUDA C to machine code, by NVRTC: in this process, without a compiler installed, and without a GPU. */

import { statSync } from 'node:fs';
import { EngineError } from '../engine.ts';
import type { KernelCache } from '../kernel-cache.ts';
import { bindAll, type Foreign, type ForeignFunction, fixedWords, openLibrary, textAt } from './foreign.ts';
import type { SearchOptions } from './libraries.ts';

/** Compute capability 7.0 is the first that PyTorch and CUDA 12 both still know. */
export const OLDEST_CAPABILITY = 70;

export interface Compiler {
  /** "12.9" */
  readonly version: string;
  readonly path: string;
  /** Compute capabilities that it makes machine code for, such as 90. */
  readonly capabilities: readonly number[];
  /**
   * An image for a GPU of this compute capability: machine code where the compiler knows the GPU, else an intermediate
   * code that the driver finishes.
   * @throws EngineError with the compiler's first complaint if the source is not valid.
   */
  compile(source: string, capability: number): Uint8Array;
}

const PROTOTYPES = {
  getErrorString: 'void* nvrtcGetErrorString(int error)',
  version: 'int nvrtcVersion(void* major, void* minor)',
  getNumSupported: 'int nvrtcGetNumSupportedArchs(void* count)',
  getSupported: 'int nvrtcGetSupportedArchs(void* archs)',
  create: 'int nvrtcCreateProgram(void* program, str source, str name, int headers, void* sources, void* names)',
  compile: 'int nvrtcCompileProgram(uint64_t program, int count, void* options)',
  getLogSize: 'int nvrtcGetProgramLogSize(uint64_t program, void* size)',
  getLog: 'int nvrtcGetProgramLog(uint64_t program, void* log)',
  getCubinSize: 'int nvrtcGetCUBINSize(uint64_t program, void* size)',
  getCubin: 'int nvrtcGetCUBIN(uint64_t program, void* code)',
  getPtxSize: 'int nvrtcGetPTXSize(uint64_t program, void* size)',
  getPtx: 'int nvrtcGetPTX(uint64_t program, void* code)',
  destroy: 'int nvrtcDestroyProgram(void* program)',
} as const;

/** The library's functions, with their results checked. */
interface Library {
  readonly functions: { readonly [N in keyof typeof PROTOTYPES]: ForeignFunction };
  check(code: number, doing: string): void;
  /** A function's result, which it writes to the address that it is given. */
  ask(call: (address: bigint) => number, doing: string): bigint;
  /** Frees a program. */
  destroy(program: bigint): void;
}

function libraryOf(library: Foreign): Library {
  const functions = bindAll(library, PROTOTYPES);
  const result = fixedWords(1);
  const check = (code: number, doing: string): void => {
    if (code === 0) return;
    const text = textAt(BigInt(functions.getErrorString(code)));
    throw new EngineError(`NVRTC (${library.path}): ${doing} failed: ${text}`);
  };
  return {
    functions,
    check,
    ask: (call, doing) => {
      result.words[0] = 0n;
      check(call(result.address), doing);
      return result.words[0];
    },
    destroy: (program) => {
      result.words[0] = program;
      functions.destroy(result.address);
    },
  };
}

/** @param cache where images are kept, and taken from. */
export async function openCompiler(options: SearchOptions = {}, cache?: KernelCache): Promise<Compiler> {
  const library = await openLibrary('nvrtc', options);
  const nvrtc = libraryOf(library);
  const { version, getNumSupported, getSupported } = nvrtc.functions;
  const numbers = new Int32Array(2);
  nvrtc.check(version(numbers.subarray(0, 1), numbers.subarray(1)), 'asking for its version');
  const known = new Int32Array(Number(nvrtc.ask(getNumSupported, 'counting architectures') & 0xffffffffn));
  nvrtc.check(getSupported(known), 'listing architectures');
  const capabilities = [...known];
  // Releases are told apart by their numbers, and builds of one release, which have the same, by their size.
  const identity = `NVRTC ${numbers.join('.')}, ${statSync(library.path, { throwIfNoEntry: false })?.size} bytes`;

  return {
    version: numbers.join('.'),
    path: library.path,
    capabilities,
    compile: (source, capability) => {
      const isKnown = capabilities.includes(capability);
      const newest = Math.max(...capabilities.filter((one) => one <= capability));
      const option = `--gpu-architecture=${isKnown ? `sm_${capability}` : `compute_${newest}`}`;
      const make = () => imageOf(nvrtc, source, option, isKnown);
      return cache === undefined ? make() : cache.image([identity, option, source], make);
    },
  };
}

/** Machine code, or the intermediate code. */
function imageOf(nvrtc: Library, source: string, option: string, isMachineCode: boolean): Uint8Array {
  const { create, compile, getLogSize, getLog, getCubinSize, getCubin, getPtxSize, getPtx } = nvrtc.functions;
  const program = nvrtc.ask((address) => create(address, source, 'vae.cu', 0, null, null), 'taking the source');
  const bytesOf = (size: ForeignFunction, get: ForeignFunction): Uint8Array => {
    const length = Number(nvrtc.ask((address) => size(program, address), 'measuring its result'));
    const bytes = new Uint8Array(length);
    nvrtc.check(get(program, bytes), 'handing over its result');
    return bytes;
  };
  try {
    // An array of pointers to text: the text is kept alive by the variable, and nothing moves during the call.
    const options = fixedText(Buffer.from(`${option}\0`));
    const code = compile(program, 1, options.pointers);
    if (code !== 0) {
      const complaint = new TextDecoder()
        .decode(bytesOf(getLogSize, getLog))
        .split(/[\n\0]/)
        .find((line) => line.includes('error'));
      nvrtc.check(code, `compiling with ${option}${complaint === undefined ? '' : ` (${complaint})`}`);
    }
    return isMachineCode ? bytesOf(getCubinSize, getCubin) : bytesOf(getPtxSize, getPtx);
  } finally {
    nvrtc.destroy(program);
  }
}

/** One text and a pointer to it, at addresses that stay. Small, made once for each compilation. */
function fixedText(text: Buffer): { readonly pointers: bigint } {
  const textWords = Math.ceil(text.length / 8);
  const memory = fixedWords(1 + textWords);
  memory.words[0] = memory.address + 8n;
  new Uint8Array(memory.words.buffer, 8).set(text);
  return { pointers: memory.address };
}
