/** vae bench beside its times: what the work computes, and which operators its time goes to. */

import { readdirSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder, vaeWith } from './vae.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

/** With the folder for what is temporary too. */
const bench = (...args: string[]) => vaeWith({ TMPDIR: folder }, folder, 'bench', ...args);

describe('vae bench', () => {
  it('--print program shows the mathematics, with every gradient', async () => {
    const { code, stdout, stderr } = await bench('--print', 'program', '--work', 'iwae');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^program training, batch 20\n {2}%0 = /);
    expect(stdout).toContain('logSumExp(');
    expect(stdout).toContain('  ∂loss/∂encoder.0.weight = %');
  });

  it('--print schedule shows the steps on a GPU where there is none', async () => {
    const { code, stdout } = await bench('--print', 'schedule');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^schedule training, batch 128: 17 products, \d+ kernels\n/);
    const { text } = JSON.parse((await bench('--print', 'schedule', '--json')).stdout);
    expect(`${text}\n`).toBe(stdout);
  });

  it('--profile shows operators, the most expensive first, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await bench('--profile', '--calls', '3');
    expect([code, stderr]).toEqual([0, '']);
    const [title, header, ...rows] = stdout.trimEnd().split('\n');
    expect(title).toMatch(
      /^dense, batch 128, onnxruntime on the CPU, .*: \d+\.\d\d ms a call while profiled \(3 calls\)$/,
    );
    expect(header).toMatch(/^operator +calls +ms +share$/);
    for (const row of rows) expect(row).toMatch(/^\S.*\S +\d+ +\d+\.\d{3} +\d+\.\d %$/);
    expect(rows.at(-1)).toMatch(/^\(everything else\)/);
    const milliseconds = rows.slice(0, -1).map((row) => Number(row.trim().split(/ +/)[2]));
    expect(milliseconds).toEqual(milliseconds.toSorted((a, b) => b - a));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('--profile is for onnx, and not for a text', async () => {
    const other = await bench('--profile', '--device', 'reference');
    expect([other.code, other.stderr]).toEqual([
      2,
      'vae: --profile does not work with the device reference; use --device onnx\n',
    ]);
    expect((await bench('--profile', '--print', 'program')).code).toBe(2);
  });

  it('--print takes no flag that would change nothing', async () => {
    for (const flag of ['--calls 3', '--seconds 1', '--threads 1', '--device reference']) {
      const { code, stderr } = await bench('--print', 'program', ...flag.split(' '));
      expect([code, stderr]).toEqual([2, `vae: --print cannot be used with ${flag.split(' ')[0]}\n`]);
    }
  });
});
