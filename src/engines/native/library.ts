/** The fixed part in C, loaded: memory, a pool of threads, and the compiled programs that run on it. */

import { promisify } from 'node:util';
import type { default as Koffi, LibraryHandle } from 'koffi';
import { EngineError } from '../engine.ts';
import type { KernelCache } from '../kernel-cache.ts';
import { importKoffi } from '../koffi.ts';
import { loadObject, Objects } from './objects.ts';
import { findToolchain, type Toolchain } from './toolchain.ts';

/** Where memory of the fixed part lies. */
export type Address = bigint;

/** A compiled program. */
export interface NativeProgram {
  /** Runs it on the pool, with a table of pointers; this thread stays free meanwhile. */
  run(pointers: Address): Promise<void>;
  /** It must not be running. */
  release(): void;
}

export interface Library {
  /** The compiler, in its own words. */
  readonly description: string;
  /** The largest tile of a product that stays in registers. */
  readonly tile: { readonly rows: number; readonly columns: number };
  readonly threads: number;
  /** Floats in a vector of the processor. */
  readonly lanes: number;
  /** Zeroed memory that begins at a multiple of 64 bytes. Throws EngineError where there is none. */
  allocate(bytes: number): Address;
  free(address: Address): void;
  /** Memory as an ArrayBuffer, without a copy; it must not be used once the memory is freed. */
  view(address: Address, bytes: number): ArrayBuffer;
  write(address: Address, values: ArrayBufferView): void;
  /**
   * Compiles and loads a program in C, of one or several files, whose entry is
   *   void vae_program(struct vae_pool *pool, void *pointers)
   * and which is declared VAE_EXPORT. Throws EngineError if the compiler fails.
   */
  compile(sources: readonly string[]): Promise<NativeProgram>;
  /** Ends the threads; nothing may be running. */
  close(): void;
}

/** What differs in tests. */
export interface LibraryOptions {
  readonly toolchain?: Toolchain;
  readonly cache?: KernelCache;
}

/** Its files are one text, so that one object holds them. */
const FIXED_PART = ['pool.c', 'product.c', 'noise.c'].map((file) => `#include "${file}"\n`).join('');

interface FixedPart {
  readonly koffi: typeof Koffi;
  readonly objects: Objects;
  readonly toolchain: Toolchain;
  readonly functions: { readonly [name in keyof typeof PROTOTYPES]: ReturnType<LibraryHandle['func']> };
}

const PROTOTYPES = {
  alloc: 'void *vae_alloc(size_t bytes)',
  free: 'void vae_free(void *memory)',
  tileRows: 'int vae_tile_rows()',
  tileColumns: 'int vae_tile_columns()',
  newPool: 'void *vae_pool_new(int threads)',
  freePool: 'void vae_pool_free(void *pool)',
} as const;

const ENTRY = 'void vae_program(void *pool, void *pointers)';

let usual: Promise<FixedPart> | undefined;

/**
 * Opens the fixed part, which is compiled when it is first needed on a machine, with a pool of threads.
 * @throws MissingError where there is no compiler, EngineError where something here fails.
 */
export async function openLibrary(threads: number, options?: LibraryOptions): Promise<Library> {
  // Loaded once: its names are seen by all programs of this process.
  const { koffi, objects, toolchain, functions } = await (options ? loadFixedPart(options) : loadUsual());
  const pool: Address | null = functions.newPool(threads);
  if (pool === null) throw new EngineError(`native: the system gives no ${threads} threads; use fewer`);
  const view: Library['view'] = (address, bytes) => (bytes === 0 ? new ArrayBuffer(0) : koffi.view(address, bytes));
  return {
    description: toolchain.description,
    tile: { rows: functions.tileRows(), columns: functions.tileColumns() },
    threads,
    lanes: toolchain.lanes,
    allocate: (bytes) => {
      const address: Address | null = functions.alloc(bytes);
      if (address === null)
        throw new EngineError(`native: ${bytes} bytes could not be allocated; lower the batch size`);
      return BigInt(address);
    },
    free: (address) => functions.free(address),
    view,
    write: (address, { buffer, byteOffset, byteLength }) =>
      new Uint8Array(view(address, byteLength)).set(new Uint8Array(buffer, byteOffset, byteLength)),
    compile: async (sources) => {
      const object = loadObject(koffi, await objects.object(sources), { global: false });
      const entry = promisify(object.func(ENTRY).async);
      return {
        run: async (pointers) => {
          await entry(pool, pointers);
        },
        release: () => object.unload(),
      };
    },
    close: () => functions.freePool(pool),
  };
}

function loadUsual(): Promise<FixedPart> {
  // A failure may be put right while the process lives.
  usual ??= loadFixedPart({}).catch((error) => {
    usual = undefined;
    throw error;
  });
  return usual;
}

async function loadFixedPart(options: LibraryOptions): Promise<FixedPart> {
  const toolchain = options.toolchain ?? (await findToolchain());
  const koffi = await importKoffi('native');
  const objects = new Objects(toolchain, options.cache);
  const library = loadObject(koffi, await objects.object([FIXED_PART], 'fixed'), { global: true });
  const functions = Object.fromEntries(
    Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]),
  ) as FixedPart['functions'];
  return { koffi, objects, toolchain, functions };
}
