import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hasDriver } from '../../../src/engines/cuda/index.ts';
import { start, startWith, temporaryFolder, until } from '../../cli/vae.ts';
import { writeDigits } from '../../data/digits.ts';
import { missing } from './emulator.ts';
import { imitateLibraries } from './imitation.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

describe.skipIf(hasDriver())(`--device cuda without a driver${hasDriver() ? ' (skipped: there is one)' : ''}`, () => {
  it('says so in one line, and ends with 1', async () => {
    const { code, stdout, stderr } = await start(folder, 'train', '--device', 'cuda').finished;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      "vae: cuda: needs NVIDIA's driver (no libcuda.so.1 here): it comes with the driver of an NVIDIA GPU; use another device where there is none\n",
    );
  });
});

describe.skipIf(missing !== undefined)(
  `--device cuda in front of an imitation of NVIDIA's libraries${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    const imitation = imitateLibraries();
    const vae = (...args: string[]) => startWith(imitation().variables, folder, ...args);
    const settings = '--device cuda --data-dir data --hidden 200 --latent 3 --dropout 0.1 --batch-size 16 --epochs 8';
    const train = (name: string) => vae('train', ...settings.split(' '), '--seed', '5', '--out', name);
    const read = (...parts: string[]): string => readFileSync(path.join(folder, ...parts), 'latin1');
    const lastOf = (name: string) => read(name, 'checkpoints', 'last.safetensors');
    const metricsOf = (name: string) => read(name, 'metrics.jsonl').replace(/"seconds":[^}]*/g, '');

    it('trains, stops at Ctrl-C with all records of its updates, and continues to the same bytes', async () => {
      writeDigits(path.join(folder, 'data'), 600, 60);
      const whole = await train('whole').finished;
      expect([whole.code, whole.stderr]).toEqual([0, expect.stringContaining('Imitation GPU, float32')]);
      const running = train('stopped');
      // In the middle of the second epoch of 38 updates.
      const curves = path.join(folder, 'stopped', 'curves.jsonl');
      await until(() => existsSync(curves) && readFileSync(curves, 'latin1').split('\n').length > 45);
      running.process.kill('SIGINT');
      const { code, stderr } = await running.finished;
      expect([code, stderr]).toEqual([130, expect.stringMatching(/continue with: vae train --resume stopped\n$/)]);
      const updates = Number(/saved after (\d+) updates/.exec(stderr)![1]);
      expect(read('stopped', 'curves.jsonl').trim().split('\n')).toHaveLength(updates);
      expect((await vae('train', '--resume', 'stopped').finished).code).toBe(0);
      expect(lastOf('stopped') === lastOf('whole')).toBe(true);
      expect(metricsOf('stopped')).toBe(metricsOf('whole'));
      expect(read('stopped', 'curves.jsonl')).toBe(read('whole', 'curves.jsonl'));
    });

    it('says in one line that the device is lost, and keeps the last checkpoint', async () => {
      const before = lastOf('whole');
      const variables = { ...imitation().variables, IMITATION_FAIL: 'cuEventQuery:700' };
      const further = ['train', '--resume', 'whole', '--epochs', '9'];
      const { code, stderr } = await startWith(variables, folder, ...further).finished;
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /(^|\n)vae: CUDA: an illegal memory access was encountered \(cuEventQuery, error 700\): [^\n]+; resume the run from its last checkpoint\n$/,
      );
      expect(lastOf('whole') === before).toBe(true);
      expect((await vae(...further).finished).code).toBe(0);
    });

    it('compiles its kernels once for all of these', () => {
      const kept = readdirSync(path.join(imitation().variables.VAE_DATA_DIR, 'cuda'));
      // Of training with a whole batch and with the last one, of evaluation, and of pictures.
      expect(kept.length).toBeGreaterThan(3);
      expect(kept.length).toBeLessThan(10);
    });
  },
);
