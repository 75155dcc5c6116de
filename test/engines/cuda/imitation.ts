/** NVIDIA's libraries, imitated: imitation.cpp built where the engine looks for them. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { SearchOptions } from '../../../src/engines/cuda/libraries.ts';
import { KernelCache } from '../../../src/engines/kernel-cache.ts';
import { missing } from './emulator.ts';

const HERE = import.meta.dirname;
const LIBRARIES = 'usr/local/cuda/lib64';

export interface Imitation {
  readonly search: SearchOptions;
  /** An empty one each time. */
  readonly cache: KernelCache;
  /** For a process of its own, which finds the libraries here. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Sets the libraries up for a file's tests; what IMITATION_* say holds for one test. */
export function imitateLibraries(): () => Imitation {
  let root: string;
  const variables = () => ({ IMITATION_FOLDER: root, IMITATION_INCLUDE: HERE });
  beforeAll(() => {
    if (missing !== undefined) return;
    root = mkdtempSync(path.join(tmpdir(), 'vae-imitation-'));
    const folder = path.join(root, LIBRARIES);
    mkdirSync(folder, { recursive: true });
    const library = path.join(root, 'imitation.so');
    const flags = ['-std=c++17', '-O1', '-shared', '-fPIC', '-w'];
    execFileSync('g++', [...flags, path.join(HERE, 'imitation.cpp'), '-o', library]);
    for (const name of ['libcuda.so.1', 'libnvrtc.so.12', 'libcublasLt.so.12'])
      symlinkSync(library, path.join(folder, name));
    Object.assign(process.env, variables());
  });
  afterEach(() => {
    for (const name of ['FAIL', 'DEVICES', 'CAPABILITY', 'DRIVER', 'COMPUTE']) delete process.env[`IMITATION_${name}`];
  });
  afterAll(() => {
    if (root !== undefined) rmSync(root, { recursive: true, force: true });
  });
  let caches = 0;
  return () => ({
    search: { root, environment: {} },
    cache: new KernelCache(path.join(root, `cache-${++caches}`)),
    variables: {
      ...variables(),
      LD_LIBRARY_PATH: path.join(root, LIBRARIES),
      VAE_DATA_DIR: path.join(root, 'data'),
    },
  });
}
