/** Finding NVIDIA's libraries, in folders made up for it, and what is said where they are not. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCudaEngine, examineCuda, hasDriver } from '../../../src/engines/cuda/index.ts';
import { findLibrary, type LibraryName, type SearchOptions } from '../../../src/engines/cuda/libraries.ts';
import { EngineError } from '../../../src/engines/engine.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'vae-libraries-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Makes empty files, and returns the options of a search among them alone. */
function machine(files: readonly string[], environment: Record<string, string> = {}): SearchOptions {
  for (const file of files) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), '');
  }
  return { root, environment: { HOME: path.join(root, 'home'), ...environment } };
}

const found = (name: LibraryName, options: SearchOptions): string | undefined => {
  const library = findLibrary(name, options);
  return library && path.relative(root, library.path);
};

describe('libraries are found', () => {
  it.each(['CUDA_HOME', 'CUDA_PATH'])('in the folder that %s names', (variable) => {
    const options = machine(['toolkit/lib64/libnvrtc.so.12'], { [variable]: path.join(root, 'toolkit') });
    expect(found('nvrtc', options)).toBe('toolkit/lib64/libnvrtc.so.12');
  });

  it('in the toolkit of the system', () => {
    const options = machine(['usr/local/cuda/lib64/libnvrtc.so.12', 'usr/local/cuda-13.0/lib64/libcublasLt.so.13']);
    expect(found('nvrtc', options)).toBe('usr/local/cuda/lib64/libnvrtc.so.12');
    expect(found('cublasLt', options)).toBe('usr/local/cuda-13.0/lib64/libcublasLt.so.13');
  });

  it("in Python's packages for CUDA 12, of an active environment", () => {
    const site = 'env/lib/python3.11/site-packages/nvidia';
    const options = machine([`${site}/cuda_nvrtc/lib/libnvrtc.so.12`, `${site}/cublas/lib/libcublasLt.so.12`], {
      VIRTUAL_ENV: path.join(root, 'env'),
    });
    expect(found('nvrtc', options)).toBe(`${site}/cuda_nvrtc/lib/libnvrtc.so.12`);
    expect(found('cublasLt', options)).toBe(`${site}/cublas/lib/libcublasLt.so.12`);
  });

  it("in Python's packages for CUDA 13, of the python3 on the path", () => {
    const library = 'opt/venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13';
    const options = machine([library, 'opt/venv/bin/python3'], { PATH: path.join(root, 'opt/venv/bin') });
    expect(found('nvrtc', options)).toBe(library);
  });

  it("in the user's own packages", () => {
    const library = 'home/.local/lib/python3.10/site-packages/nvidia/cublas/lib/libcublasLt.so.12';
    expect(found('cublasLt', machine([library]))).toBe(library);
  });

  it('of the newest release that the driver can serve', () => {
    const options = machine(['usr/local/cuda-13.0/lib64/libnvrtc.so.13', 'usr/local/cuda-12.8/lib64/libnvrtc.so.12']);
    expect(findLibrary('nvrtc', options)?.major).toBe(13);
    expect(findLibrary('nvrtc', { ...options, newest: 12 })?.major).toBe(12);
    expect(findLibrary('nvrtc', { ...options, newest: 11 })).toBeUndefined();
  });

  it("where containers put the driver's", () => {
    const options = machine(['usr/local/nvidia/lib64/libcuda.so.1']);
    expect(found('driver', options)).toBe('usr/local/nvidia/lib64/libcuda.so.1');
    expect(hasDriver(options)).toBe(true);
  });

  it('nowhere on a machine without them', () => {
    expect(found('nvrtc', machine([]))).toBeUndefined();
  });
});

const isHere = findLibrary('driver') !== undefined;

describe.skipIf(isHere)(`without a driver${isHere ? ' (skipped: this machine has one)' : ''}`, () => {
  it('the engine says what is missing and what to do, in one line', async () => {
    const failure = await createCudaEngine({ search: machine([]) }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(EngineError);
    expect((failure as Error).message).toBe(
      "cuda: needs NVIDIA's driver (no libcuda.so.1 here): it comes with the driver of an NVIDIA GPU; use another device where there is none",
    );
  });

  it('the examination names every library that is missing, with its remedy', async () => {
    const { libraries, complete } = await examineCuda(machine([]));
    expect(complete).toBe(false);
    expect(libraries.map(({ name }) => name)).toEqual(['driver', 'nvrtc', 'cublasLt']);
    expect(libraries[1].missing).toBe(
      "cuda: needs the compiler NVRTC (no libnvrtc.so.12 here): install CUDA 12 or 13, or Python's packages nvidia-cuda-nvrtc or nvidia-cuda-nvrtc-cu12",
    );
  });

  it('a file that is no library is said to be so', async () => {
    const { libraries } = await examineCuda(machine(['usr/local/cuda/lib64/libnvrtc.so.12']));
    expect(libraries[1].missing).toContain('usr/local/cuda/lib64/libnvrtc.so.12');
  });
});
