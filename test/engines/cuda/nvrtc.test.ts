/** Generated source through NVIDIA's own compiler, which needs no GPU. */

import { describe, expect, it } from 'vitest';
import { type Compiler, openCompiler } from '../../../src/engines/cuda/nvrtc.ts';
import { firstLine } from '../../../src/engines/koffi.ts';
import { representativePrograms, sourceOfAll } from './programs.ts';

let compiler: Compiler | undefined;
let missing = '';
try {
  compiler = await openCompiler();
} catch (error) {
  missing = ` (skipped: ${firstLine(error)})`;
}

/** Volta, Ampere, Hopper: those of them that the release knows. */
const CAPABILITIES = [70, 80, 90];

describe.skipIf(compiler === undefined)(`NVRTC${missing}`, () => {
  it.each(CAPABILITIES)(`compiles every kernel for compute capability %i`, (capability) => {
    if (!compiler!.capabilities.includes(capability)) {
      expect(capability).toBeLessThan(Math.min(...compiler!.capabilities));
      return;
    }
    const source = sourceOfAll(representativePrograms());
    expect(source.match(/__global__/g)!.length).toBeGreaterThan(300);
    const image = compiler!.compile(source, capability);
    // An ELF file of machine code.
    expect([...image.subarray(0, 4)]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
  });

  it('gives code that a driver finishes for a GPU that it does not know', () => {
    const image = compiler!.compile('extern "C" __global__ void nothing() {}', 999);
    expect(new TextDecoder().decode(image)).toContain('.entry nothing');
  });

  it('quotes the first complaint about a source that is not valid', () => {
    expect(() => compiler!.compile('extern "C" __global__ void wrong() { int i = nonsense; }', 90)).toThrow(
      /compiling with --gpu-architecture=sm_90 \(vae\.cu\(1\): error: identifier "nonsense" is undefined\) failed: NVRTC_ERROR_COMPILATION$/,
    );
  });
});
