/**
 * A device on the host, for tests: generated CUDA C is compiled as C++ by g++ and run thread by thread. What it is told
 * to do is queued, and done as late as the engine allows, as on a real device.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import koffi from 'koffi';
import type {
  Address,
  Commands,
  Device,
  Event,
  Kernels,
  LaunchShape,
  Pinned,
} from '../../../src/engines/cuda/device.ts';

const CACHE = 'node_modules/.cache/vae-cuda-emulator';
const FLAGS = ['-std=c++17', '-O1', '-shared', '-fPIC', '-w', `-I${import.meta.dirname}`];

/** Why the emulator cannot run here, or undefined where it can. */
export const missing: string | undefined =
  spawnSync('g++', ['--version']).status === 0 ? undefined : 'g++ is not installed';

const textOf = (file: string): string => readFileSync(path.join(import.meta.dirname, file), 'utf8');

/** The path of a shared library of this source, compiled once. */
function build(source: string, header: string): string {
  const name = createHash('sha256').update(source).update(header).digest('hex').slice(0, 32);
  const library = path.resolve(CACHE, `${name}.so`);
  if (existsSync(library)) return library;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = path.resolve(CACHE, `${name}.${process.pid}`);
  writeFileSync(`${unfinished}.cpp`, source);
  execFileSync('g++', [...FLAGS, `${unfinished}.cpp`, '-o', unfinished], { stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(unfinished, library);
  return library;
}

const KERNEL = /extern "C" __global__ void __launch_bounds__\((\d+)\) (\w+)\(([^)]*)\) \{([\s\S]*?)\n\}/g;

/** A function for each kernel that takes its arguments as one array of addresses. */
function withEntries(source: string): { readonly text: string; readonly bounds: ReadonlyMap<string, number> } {
  const bounds = new Map<string, number>();
  const entries = [...source.matchAll(KERNEL)].map(([, threads, name, list, body]) => {
    bounds.set(name, Number(threads));
    const args =
      list === ''
        ? []
        : list.split(', ').map((one, i) => `(${one.slice(0, one.lastIndexOf('__restrict__'))})args[${i}]`);
    return [
      `static void thread_${name}(void** args) { ${name}(${args.join(', ')}); }`,
      `extern "C" void launch_${name}(unsigned blocks, unsigned threads, void** args) {`,
      `  run_kernel(thread_${name}, args, blocks, threads, ${Number(body.includes('__syncthreads'))});`,
      '}',
    ].join('\n');
  });
  return { text: ['#include "emulator.h"', source, ...entries].join('\n'), bounds };
}

export interface EmulatedDevice extends Device {
  /** Every source that was compiled. */
  readonly sources: string[];
  /** Bytes that are allocated at the moment. */
  readonly allocated: () => number;
}

let runtime: ReturnType<typeof loadRuntime> | undefined;

function loadRuntime() {
  const library = koffi.load(build(textOf('emulator.cpp'), ''), { global: true });
  return {
    allocate: library.func('void* allocate(size_t)'),
    release: library.func('void release(void*)'),
    copy: library.func('void copy(void*, const void*, size_t)'),
    multiply: library.func('void multiply(void*, void*, void*, int, int, int, int, int)'),
  };
}

/** @param laziness how often a point must be asked about before what is queued in front of it is done. */
export function createEmulatedDevice({ laziness = 2 } = {}): EmulatedDevice {
  runtime ??= loadRuntime();
  const { allocate, release, copy, multiply } = runtime;
  const sizes = new Map<Address, number>();
  const sources: string[] = [];
  let queue: (() => void)[] = [];
  const finish = (): void => {
    const work = queue;
    queue = [];
    for (const command of work) command();
  };
  const take = (bytes: number): Address => {
    const address = BigInt(allocate(bytes));
    sizes.set(address, bytes);
    return address;
  };
  const giveBack = (address: Address): void => {
    if (!sizes.delete(address)) throw new Error('freed twice, or never allocated');
    release(address);
  };

  return {
    description: 'emulated by g++ on the CPU, float32',
    sources,
    allocated: () => [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
    allocate: take,
    free: (address) => {
      finish();
      giveBack(address);
    },
    allocatePinned: (bytes): Pinned => {
      const address = take(bytes);
      return {
        address,
        bytes: bytes === 0 ? new ArrayBuffer(0) : koffi.view(address, bytes),
        release: () => giveBack(address),
      };
    },
    write: (address, values) => {
      finish();
      copy(address, values, values.byteLength);
    },
    read: (address, into) => {
      finish();
      copy(into, address, into.byteLength);
    },
    upload: (from, to, bytes) => queue.push(() => copy(to, from.address, bytes)),
    download: (from, to, bytes) => queue.push(() => copy(to.address, from, bytes)),
    compile: (source): Kernels => {
      sources.push(source);
      const { text, bounds } = withEntries(source);
      const library = koffi.load(build(text, textOf('emulator.h')));
      return {
        record: (record) => {
          const commands: (() => void)[] = [];
          const recorder: Commands = {
            launch: (kernel: string, { blocks, threads }: LaunchShape, args) => {
              if (bounds.get(kernel) !== threads) throw new Error(`${kernel} is launched with ${threads} threads`);
              const run = library.func(`void launch_${kernel}(uint32_t, uint32_t, void**)`);
              commands.push(() => run(blocks, threads, BigUint64Array.from(args)));
            },
            multiply: ({ rows, columns, inner, transposeA, transposeB }, a, b, c) => {
              commands.push(() => multiply(a, b, c, rows, columns, inner, Number(transposeA), Number(transposeB)));
            },
          };
          record(recorder);
          return { launch: () => queue.push(...commands), release: () => {} };
        },
        release: () => {
          finish();
          library.unload();
        },
      };
    },
    createEvent: (): Event => {
      let isReached = true;
      let asked = 0;
      return {
        record: () => {
          isReached = false;
          asked = 0;
          queue.push(() => {
            isReached = true;
          });
        },
        isDone: () => {
          if (!isReached && ++asked > laziness) finish();
          return isReached;
        },
        wait: finish,
        release: () => {},
      };
    },
  };
}
