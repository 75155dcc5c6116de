/** One seed is one run on every device, up to the precision of 32 bits. */

import { describe, expect, it } from 'vitest';
import { type EngineName, engines } from '../../src/engines/index.ts';
import { createModel } from '../../src/programs/programs.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { useDigits } from './small-run.ts';

const { dataset } = useDigits({ validation: 0, test: 40 });

/** The losses of every step, and the bound on the test images at the end. */
async function train(device: EngineName, settings: Partial<RunConfig>) {
  const config: RunConfig = { ...DEFAULTS, device, threads: 1, batchSize: 16, seed: 3, ...settings };
  const engine = await engines[device]({ threads: 1 });
  expect(engine.name).toBe(device);
  const trainer = new Trainer(engine, createModel(config, dataset().imageShape), dataset());
  const losses: number[] = [];
  let bound = Number.NaN;
  for await (const record of trainer.run()) {
    if (record.kind === 'step') losses.push(record.loss);
    else bound = record.test.bound;
  }
  await trainer.release();
  return { losses, bound };
}

const dense = { hidden: [12], activation: ['elu'], latent: 3, dropout: 0.1, steps: 200, learningRate: 3e-3 } as const;
const convolutional = {
  model: 'conv',
  blocks: 0,
  channels: [2, 3],
  hidden: [8],
  latent: 2,
  steps: 5,
  objective: 'iwae',
  samples: 2,
} as const;

/** Largest difference of a loss from the oracle's, as a part of it. */
const farthest = (losses: readonly number[], oracle: readonly number[]): number =>
  Math.max(...losses.map((loss, i) => Math.abs(loss - oracle[i]) / Math.abs(oracle[i])));

describe('the same seed', () => {
  for (const [name, settings, tolerance] of [
    ['200 steps of a dense network', dense, 1e-4],
    ['5 steps of a convolutional one', convolutional, 1e-5],
  ] as const) {
    it(`gives the same curve and bound on every device: ${name}`, async () => {
      const oracle = await train('reference', settings);
      expect(oracle.losses).toHaveLength(settings.steps);
      expect(oracle.losses.at(-1)!).toBeLessThan(oracle.losses[0]);
      for (const device of ['onnx', 'tfjs:wasm', 'tfjs:cpu'] as const) {
        const { losses, bound } = await train(device, settings);
        expect(farthest(losses, oracle.losses), device).toBeLessThan(tolerance);
        expect(farthest([bound], [oracle.bound]), device).toBeLessThan(tolerance);
      }
    });
  }
});
