import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hasDriver } from '../../../src/engines/cuda/index.ts';
import { vae } from '../../cli/vae.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vae-cuda-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(hasDriver())(`--device cuda without a driver${hasDriver() ? ' (skipped: there is one)' : ''}`, () => {
  it('says so in one line, and ends with 1', async () => {
    const { code, stdout, stderr } = await vae(folder, 'train', '--device', 'cuda');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      "vae: cuda: needs NVIDIA's driver (no libcuda.so.1 here): it comes with the driver of an NVIDIA GPU; use another device where there is none\n",
    );
  });
});
