/** The fixed part in C, compiled once and loaded, and what it compiles: a stand-in. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Address, Memory } from '../compiled/residents.ts';
import type { Tile } from './products.ts';

export interface Program {
  run(pointers: Address): Promise<void>;
  release(): void;
}

export interface Library extends Memory {
  readonly description: string;
  readonly tile: Tile;
  view(address: Address, bytes: number): ArrayBuffer;
  compile(source: string): Promise<Program>;
}

const C = fileURLToPath(new URL('../../../src/engines/native/c/', import.meta.url));
const FLAGS =
  '-std=gnu11 -O3 -march=native -fPIC -shared -fno-math-errno -fno-trapping-math -ffp-contract=off -fopenmp-simd -fvisibility=hidden -w'.split(
    ' ',
  );
const CACHE = '/tmp/compiled/objects';

function build(name: string, source: string): string {
  mkdirSync(CACHE, { recursive: true });
  const key = createHash('sha256').update(source).update(FLAGS.join(' ')).digest('hex').slice(0, 24);
  const file = `${CACHE}/${name}-${key}`;
  if (existsSync(`${file}.so`)) return `${file}.so`;
  writeFileSync(`${file}.c`, source);
  const files = name === 'fixed' ? ['pool.c', 'product.c', 'noise.c'].map((one) => C + one) : [];
  execFileSync('gcc', [...FLAGS, '-I', C, `${file}.c`, ...files, '-lpthread', '-o', `${file}.so`]);
  return `${file}.so`;
}

export async function openLibrary(threads: number): Promise<Library> {
  const koffi = (await import('koffi')).default;
  const fixed = koffi.load(build('fixed', `/* ${process.env.FIXED ?? ''} */`), { global: true } as never);
  const alloc = fixed.func('void *vae_alloc(size_t bytes)');
  const free = fixed.func('void vae_free(void *memory)');
  const rows = fixed.func('int vae_tile_rows()')();
  const columns = fixed.func('int vae_tile_columns()')();
  const pool = fixed.func('void *vae_pool_new(int threads)')(threads);
  const view = (address: Address, bytes: number): ArrayBuffer =>
    bytes === 0 ? new ArrayBuffer(0) : koffi.view(address, bytes);
  return {
    description: 'gcc',
    tile: { rows, columns },
    allocate: (bytes) => BigInt(alloc(Math.max(1, bytes))),
    free: (address) => free(address),
    view,
    write: (address, values) =>
      new Uint8Array(view(address, values.byteLength)).set(
        new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      ),
    compile: async (source) => {
      const object = koffi.load(build('program', source));
      const run = promisify(object.func('void vae_program(void *pool, void *pointers)').async);
      return { run: (pointers) => run(pool, pointers) as Promise<void>, release: () => object.unload() };
    },
  };
}
