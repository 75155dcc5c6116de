/** CUDA C to machine code, by NVRTC: in this process, without a compiler installed, and without a GPU. */

import { statSync } from 'node:fs';
import { EngineError } from '../engine.ts';
import { type ForeignFunction, fixedWords, openLibrary, textAt } from './foreign.ts';
import type { KernelCache } from './kernel-cache.ts';
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

/** @param cache where images are kept, and taken from. */
export async function openCompiler(options: SearchOptions = {}, cache?: KernelCache): Promise<Compiler> {
  const library = await openLibrary('nvrtc', options);
  const bind = (prototype: string): ForeignFunction => library.bind(prototype);
  const getErrorString = bind('void* nvrtcGetErrorString(int error)');
  const version = bind('int nvrtcVersion(void* major, void* minor)');
  const getNumSupported = bind('int nvrtcGetNumSupportedArchs(void* count)');
  const getSupported = bind('int nvrtcGetSupportedArchs(void* archs)');
  const create = bind(
    'int nvrtcCreateProgram(void* program, str source, str name, int headers, void* sources, void* names)',
  );
  const compile = bind('int nvrtcCompileProgram(uint64_t program, int count, void* options)');
  const getLogSize = bind('int nvrtcGetProgramLogSize(uint64_t program, void* size)');
  const getLog = bind('int nvrtcGetProgramLog(uint64_t program, void* log)');
  const getCubinSize = bind('int nvrtcGetCUBINSize(uint64_t program, void* size)');
  const getCubin = bind('int nvrtcGetCUBIN(uint64_t program, void* code)');
  const getPtxSize = bind('int nvrtcGetPTXSize(uint64_t program, void* size)');
  const getPtx = bind('int nvrtcGetPTX(uint64_t program, void* code)');
  const destroy = bind('int nvrtcDestroyProgram(void* program)');

  const result = fixedWords(1);
  const check = (code: number, doing: string): void => {
    if (code === 0) return;
    throw new EngineError(`NVRTC (${library.path}): ${doing} failed: ${textAt(BigInt(getErrorString(code)))}`);
  };
  /** A function's result, which it writes behind its last argument. */
  const ask = (call: (address: bigint) => number, doing: string): bigint => {
    result.words[0] = 0n;
    check(call(result.address), doing);
    return result.words[0];
  };

  const numbers = new Int32Array(2);
  check(version(numbers.subarray(0, 1), numbers.subarray(1)), 'asking for its version');
  const known = new Int32Array(
    Number(ask((address) => getNumSupported(address), 'counting architectures') & 0xffffffffn),
  );
  check(getSupported(known), 'listing architectures');
  const capabilities = [...known];

  const imageOf = (source: string, option: string, isMachineCode: boolean): Uint8Array => {
    const program = ask((address) => create(address, source, 'vae.cu', 0, null, null), 'taking the source');
    const bytesOf = (size: ForeignFunction, get: ForeignFunction): Uint8Array => {
      const length = Number(ask((address) => size(program, address), 'measuring its result'));
      const bytes = new Uint8Array(length);
      check(get(program, bytes), 'handing over its result');
      return bytes;
    };
    try {
      // An array of pointers to text: the text is kept alive by the variable, and nothing moves during the call.
      const options = fixedText(Buffer.from(`${option}\0`));
      const code = compile(program, 1, options.pointers);
      if (code !== 0) {
        const log = bytesOf(getLogSize, getLog);
        const complaint = new TextDecoder()
          .decode(log)
          .split(/[\n\0]/)
          .find((line) => line.includes('error'));
        check(code, `compiling with ${option}${complaint === undefined ? '' : ` (${complaint})`}`);
      }
      return isMachineCode ? bytesOf(getCubinSize, getCubin) : bytesOf(getPtxSize, getPtx);
    } finally {
      result.words[0] = program;
      destroy(result.address);
    }
  };
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
      const make = () => imageOf(source, option, isKnown);
      return cache === undefined ? make() : cache.image([identity, option, source], make);
    },
  };
}

/** One text and a pointer to it, at addresses that stay. Small, made once a compilation. */
function fixedText(text: Buffer): { readonly pointers: bigint } {
  const textWords = Math.ceil(text.length / 8);
  const memory = fixedWords(1 + textWords);
  memory.words[0] = memory.address + 8n;
  new Uint8Array(memory.words.buffer, 8).set(text);
  return { pointers: memory.address };
}
