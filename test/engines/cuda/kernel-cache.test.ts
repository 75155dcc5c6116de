/** Compiled kernels are made once, and a cache that is damaged, full or forbidden is no reason to fail. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCudaEngine } from '../../../src/engines/cuda/index.ts';
import { KernelCache } from '../../../src/engines/kernel-cache.ts';
import { createProgram } from '../../../src/tensor/program.ts';
import { argument } from '../../../src/tensor/tensor.ts';
import { missing } from './emulator.ts';
import { imitateLibraries } from './imitation.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vae-kernels-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const imageOf = (text: string) => new TextEncoder().encode(text);
const never = (): Uint8Array => {
  throw new Error('it is made anew');
};
const files = () => readdirSync(folder).map((name) => path.join(folder, name));

describe('a cache of kernels', () => {
  it('gives again what was made of the same parts, and of no others', () => {
    const parts = ['NVRTC 12.8', '--gpu-architecture=sm_90', 'source'];
    const image = imageOf('machine code');
    expect(new KernelCache(folder).image(parts, () => image)).toEqual(image);
    expect(new KernelCache(folder).image(parts, never)).toEqual(image);
    for (const [i, part] of parts.entries()) {
      expect(() => new KernelCache(folder).image(parts.with(i, `${part} `), never)).toThrow('made anew');
    }
    // Where one part ends and the next begins counts, too.
    expect(() => new KernelCache(folder).image(['NVRTC 12.8--gpu-architecture=sm_90', 'source'], never)).toThrow();
    expect(files().map((file) => path.basename(file))).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['empty', () => Buffer.alloc(0)],
    ['of one other bit', (bytes: Buffer) => bytes.fill(bytes.at(-1)! ^ 1, bytes.length - 1)],
    ['longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)])],
  ])('makes an image anew whose file is %s, and replaces it', (_, damage) => {
    const image = imageOf('machine code');
    new KernelCache(folder).image(['a'], () => image);
    const [file] = files();
    writeFileSync(file, damage(readFileSync(file)));
    expect(new KernelCache(folder).image(['a'], () => image)).toEqual(image);
    expect(new KernelCache(folder).image(['a'], never)).toEqual(image);
    expect(files()).toEqual([file]);
  });

  it('does without where it cannot be read or written', () => {
    writeFileSync(path.join(folder, 'file'), '');
    const forbidden = new KernelCache(path.join(folder, 'file', 'cache'));
    expect(forbidden.image(['a'], () => imageOf('one'))).toEqual(imageOf('one'));
    const cache = new KernelCache(path.join(folder, 'cache'));
    cache.image(['a'], () => imageOf('one'));
    const [name] = readdirSync(path.join(folder, 'cache'));
    rmSync(path.join(folder, 'cache', name));
    mkdirSync(path.join(folder, 'cache', name));
    expect(cache.image(['a'], () => imageOf('two'))).toEqual(imageOf('two'));
  });

  it('hands on the complaint of what makes an image, and keeps nothing', () => {
    expect(() => new KernelCache(folder).image(['a'], never)).toThrow('it is made anew');
    expect(files()).toEqual([]);
  });

  it('keeps no more than its limit: what has not been used for the longest time goes', () => {
    // Each file is 32 + 68 bytes.
    const cache = new KernelCache(folder, 300);
    const image = new Uint8Array(68).fill(7);
    for (const [age, name] of [
      [30, 'a'],
      [20, 'b'],
      [10, 'c'],
    ] as const) {
      const before = new Set(files());
      cache.image([name], () => image);
      const written = files().find((file) => !before.has(file))!;
      utimesSync(written, Date.now() / 1000 - age, Date.now() / 1000 - age);
    }
    expect(cache.image(['a'], never)).toEqual(image);
    cache.image(['d'], () => image);
    expect(files()).toHaveLength(3);
    for (const kept of ['a', 'c', 'd']) expect(cache.image([kept], never)).toEqual(image);
    expect(() => cache.image(['b'], never)).toThrow('made anew');
  });
});

describe.skipIf(missing !== undefined)(
  `kernels of NVIDIA's libraries, imitated${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    const imitation = imitateLibraries();
    /** eˣ + `addend`, on an engine of its own as in a process of its own. */
    const compute = async (addend: number) => {
      const engine = await createCudaEngine({ ...imitation(), cache: new KernelCache(folder) });
      const program = createProgram('test', { y: argument('x', [1]).exp().add(addend) });
      const executable = await engine.compile(program, { state: engine.allocate([], []), data: {} });
      const { y } = await executable.run({ arguments: { x: Float32Array.of(0) } });
      await executable.release();
      return y[0];
    };
    const withoutCompiler = () => {
      process.env.IMITATION_FAIL = 'nvrtcCompileProgram:6';
    };

    it('are compiled once, and then taken from the cache', async () => {
      expect(await compute(1)).toBe(2);
      withoutCompiler();
      expect(await compute(1)).toBe(2);
      await expect(compute(2)).rejects.toThrow('NVRTC');
    });

    it('are compiled for each kind of GPU', async () => {
      expect(await compute(3)).toBe(4);
      withoutCompiler();
      process.env.IMITATION_CAPABILITY = '80';
      await expect(compute(3)).rejects.toThrow('compiling with --gpu-architecture=sm_80');
    });

    it('are compiled anew where the file is damaged', async () => {
      expect(await compute(5)).toBe(6);
      const [file] = files();
      writeFileSync(file, 'damaged');
      withoutCompiler();
      await expect(compute(5)).rejects.toThrow('NVRTC');
      delete process.env.IMITATION_FAIL;
      expect(await compute(5)).toBe(6);
      withoutCompiler();
      expect(await compute(5)).toBe(6);
    });
  },
);
