/** The fixed part is compiled, kept and loaded, and programs run on its threads; whatever fails is said in one line. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineError, MissingError } from '../../../src/engines/engine.ts';
import { KernelCache } from '../../../src/engines/kernel-cache.ts';
import { openLibrary } from '../../../src/engines/native/library.ts';
import { loadObject, Objects } from '../../../src/engines/native/objects.ts';
import { findToolchain, type Toolchain } from '../../../src/engines/native/toolchain.ts';

const found: Toolchain | undefined = await findToolchain().catch(() => undefined);
const withCompiler = describe.skipIf(found === undefined);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vae-toolchain-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Puts a program of that name, which is a script, in front of an otherwise empty path. */
function imitate(name: string, script: string): NodeJS.ProcessEnv {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return { PATH: folder };
}

const failureOf = async (made: Promise<unknown>): Promise<Error> =>
  made.then(
    () => expect.fail('it succeeded'),
    (error) => error,
  );

describe('a machine whose compiler is of no use', () => {
  it('is told what to install where there is none', async () => {
    const error = await failureOf(findToolchain({ environment: { PATH: folder }, platform: 'linux' }));
    expect(error).toBeInstanceOf(MissingError);
    expect(error.message).toBe(
      'native: needs a C compiler, and none of cc, clang and gcc is here: install gcc and the headers of the C library, as in the package build-essential, or use another device',
    );
  });

  it('is told so where a Mac has no tools, before a window opens', async () => {
    const environment = imitate('cc', `touch ${folder}/opened`);
    const error = await failureOf(findToolchain({ environment, platform: 'darwin' }));
    expect(error).toBeInstanceOf(MissingError);
    expect(error.message).toContain('xcode-select --install');
    expect(existsSync(path.join(folder, 'opened'))).toBe(false);
  });

  it.each([
    [
      'a command that is not there',
      { CC: 'no-such-compiler' },
      'CC names, no-such-compiler, does not run (no such file or folder)',
    ],
    ['a command with quotes and semicolons', { CC: 'cc;touch opened' }, 'does not run'],
  ])('is told so where CC names %s', async (_, environment, words) => {
    const error = await failureOf(findToolchain({ environment: { PATH: folder, ...environment } }));
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('\n');
  });

  it('is told so where the compiler compiles for another processor', async () => {
    const environment = imitate('cc', 'echo "#define __riscv 1"');
    const error = await failureOf(findToolchain({ environment, platform: 'linux', processor: 'x64' }));
    expect(error.message).toBe('native: the compiler cc compiles for another processor than this one (x64)');
  });

  it('is no matter where another compiler is of use, or where a path has spaces', async () => {
    imitate('cc', 'echo no; exit 0');
    const script = 'case "$*" in *-dM*) echo "#define __x86_64__ 1";; *) echo imitation 2;; esac';
    const machine = { platform: 'linux', processor: 'x64' } as const;
    const environment = imitate('gcc', script);
    expect((await findToolchain({ environment, ...machine })).description).toBe('imitation 2');
    imitate('my cc', script);
    const named = { CC: path.join(folder, 'my cc') };
    expect((await findToolchain({ environment: named, ...machine })).description).toBe('imitation 2');
  });

  it('hears the compiler’s first complaint, in one line', async () => {
    const script =
      'case "$*" in *-dM*) echo "#define __x86_64__ 1";; *--version*) echo imitation 1;; *) echo "a.c: note: well"; echo "a.c:1: error: no" >&2; echo "a.c:2: error: more" >&2; exit 1;; esac';
    const toolchain = await findToolchain({ environment: imitate('cc', script), platform: 'linux', processor: 'x64' });
    expect(toolchain.description).toBe('imitation 1');
    const error = await failureOf(toolchain.compile(['int x;']));
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toBe('native: the compiler cc failed: a.c:1: error: no');
  });
});

withCompiler('the compiler of this machine', () => {
  it('names its error and leaves nothing behind', async () => {
    const error = await failureOf(found!.compile(['int f(void) { return nothing_of_this_name; }']));
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(/^native: the compiler \S+ failed: program0\.c:1:\d+: error: .*nothing_of_this_name/);
    expect(error.message).not.toContain('\n');
  });

  it('compiles a text once: the next time it comes from the cache, until it is damaged', async () => {
    const cacheFolder = path.join(folder, 'native');
    let compiled = 0;
    const compile = (sources: readonly string[]) => {
      compiled++;
      return found!.compile(sources);
    };
    const counting = { ...found!, compile };
    const object = () =>
      new Objects(counting, new KernelCache(cacheFolder)).object(['int answer(void) { return 42; }']);
    const first = await object();
    expect(await object()).toEqual(first);
    expect(compiled).toBe(1);
    const file = path.join(cacheFolder, readdirSync(cacheFolder)[0]);
    writeFileSync(file, readFileSync(file).fill(0, 100, 200));
    await object();
    expect(compiled).toBe(2);
    // Another compiler's object is another object.
    await new Objects({ ...counting, identity: ['another'] }, new KernelCache(cacheFolder)).object([
      'int answer(void) { return 42; }',
    ]);
    expect(compiled).toBe(3);
  });

  it.skipIf(process.getuid === undefined)(
    'keeps nothing where others can write, and takes nothing from there',
    async () => {
      const open = path.join(folder, 'native');
      const image = Uint8Array.of(1, 2, 3);
      new KernelCache(open).keep(['a'], image);
      expect(new KernelCache(open).kept(['a'])).toEqual(image);
      chmodSync(open, 0o777);
      expect(new KernelCache(open).kept(['a'])).toBeUndefined();
      new KernelCache(open).keep(['b'], image);
      expect(readdirSync(open)).toHaveLength(1);
    },
  );

  it('says where a program does not load', async () => {
    const koffi = (await import('koffi')).default;
    const missing = path.join(folder, 'missing');
    expect(() => loadObject(koffi, Uint8Array.of(0), { global: false }, [folder, missing])).toThrow(
      /^native: a compiled program does not load from .* \(.*\); set VAE_DATA_DIR to a folder from which programs may run$/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** y[i] = exp(x[i]) over 1,000 values, ten at a time, then the sum of all y by one thread, behind a barrier. */
const PROGRAM = `
#include "functions.h"
#include "pool.h"
static void body(void *context, struct vae_worker *worker) {
  float **pointers = context;
  for (long chunk; (chunk = vae_claim(worker, 100)) >= 0;)
    for (long i = 10 * chunk; i < 10 * chunk + 10; i++) pointers[1][i] = vae_exp(pointers[0][i]);
  vae_barrier(worker);
  for (long chunk; (chunk = vae_claim(worker, 1)) >= 0;)
    for (long i = 0; i < 1000; i++) pointers[2][0] += pointers[1][i];
}
VAE_EXPORT void vae_program(struct vae_pool *pool, void *pointers) { vae_run(pool, body, pointers); }
`;

withCompiler('the library', () => {
  it('runs a program on its threads while this one is free', async () => {
    const library = await openLibrary(2);
    expect(library.tile.columns % found!.lanes).toBe(0);
    const [x, y, sum, pointers] = [4000, 4000, 4, 24].map((bytes) => library.allocate(bytes));
    expect(x % 64n).toBe(0n);
    const values = Float32Array.from({ length: 1000 }, (_, i) => i / 500 - 1);
    library.write(x, values);
    new BigUint64Array(library.view(pointers, 24)).set([x, y, sum]);
    const program = await library.compile([PROGRAM]);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    for (let i = 0; i < 200; i++) await program.run(pointers);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    const exact = values.map(Math.exp);
    const computed = new Float32Array(library.view(y, 4000));
    for (const [i, value] of computed.entries()) expect(Math.abs(value / exact[i] - 1)).toBeLessThan(2 ** -22);
    const total = exact.reduce((a, b) => a + b, 0);
    expect(new Float32Array(library.view(sum, 4))[0] / 200 / total).toBeCloseTo(1, 3);
    program.release();
    for (const address of [x, y, sum, pointers]) library.free(address);
    library.close();
  });

  it('refuses a program whose functions are nowhere, in one line', async () => {
    const library = await openLibrary(1);
    const source =
      '#include "vae.h"\nvoid vae_nowhere(void);\nVAE_EXPORT void vae_program(void *a, void *b) { vae_nowhere(); }';
    const error = await failureOf(library.compile([source]));
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(/vae_nowhere/);
    library.close();
  });

  it('compiles in a folder of temporary files that cannot be written: one line', async () => {
    const before = process.env.TMPDIR;
    const closed = path.join(folder, 'none');
    mkdirSync(closed);
    process.env.TMPDIR = path.join(closed, 'missing');
    try {
      const error = await failureOf(found!.compile(['int x;']));
      expect(error).toBeInstanceOf(EngineError);
      expect(error.message).toMatch(/^native: cannot compile in .*missing: no such file or folder$/);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });
});
