/** Training with several steps under way is training with one: the same records, the same state wherever it is seen. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngineOn } from '../../src/engines/cuda/index.ts';
import type { Engine } from '../../src/engines/engine.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { BoundEvaluator, estimateLogEvidence } from '../../src/evaluation/bound.ts';
import { TrainedModel } from '../../src/inference/trained-model.ts';
import { createModel } from '../../src/programs/programs.ts';
import { type Checkpoint, writeCheckpoint } from '../../src/runs/checkpoint.ts';
import type { RunConfig } from '../../src/settings/table.ts';
import type { TrainingRecord } from '../../src/training/records.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { createEmulatedDevice, missing } from '../engines/cuda/emulator.ts';
import { ahead } from '../programs/ahead.ts';
import { SMALL, useDigits } from './small-run.ts';

const { folder, dataset } = useDigits();
const config: RunConfig = { ...SMALL, epochs: 4, gradientVariance: true };

const trainerFor = (engine: Engine, settings: Partial<RunConfig> = {}) =>
  new Trainer(engine, createModel({ ...config, ...settings }, dataset().imageShape), dataset());

async function recordsOf(trainer: Trainer): Promise<TrainingRecord[]> {
  const records: TrainingRecord[] = [];
  for await (const record of trainer.run()) records.push(record);
  await trainer.release();
  return records;
}

const bytes = (checkpoint: Checkpoint): Buffer => {
  const file = path.join(folder, 'compared.safetensors');
  writeCheckpoint(file, checkpoint);
  return readFileSync(file);
};

interface Way {
  readonly name: string;
  readonly one: () => Engine;
  readonly several: () => Engine;
  readonly skip?: boolean;
}

const ways: readonly Way[] = [
  {
    name: 'the reference, late and out of order',
    one: () => createReferenceEngine(),
    several: () => ahead(createReferenceEngine(), 3),
  },
  {
    name: `the cuda engine, emulated${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    one: () => ({ ...createEngineOn(createEmulatedDevice()), runsAhead: 1 }),
    several: () => createEngineOn(createEmulatedDevice({ laziness: 3 })),
    skip: missing !== undefined,
  },
];

for (const { name, one, several, skip = false } of ways) {
  describe.skipIf(skip)(`with several steps under way on ${name}`, () => {
    it('gives the same records, and the same checkpoint after every epoch', async () => {
      const all = async (engine: Engine) => {
        const trainer = trainerFor(engine, { ema: 0.9 });
        const [records, checkpoints]: [TrainingRecord[], Buffer[]] = [[], []];
        for await (const record of trainer.run()) {
          records.push(record);
          if (record.kind === 'epoch') checkpoints.push(bytes(trainer.snapshot()));
        }
        await trainer.release();
        return { records, checkpoints };
      };
      const [expected, actual] = [await all(one()), await all(several())];
      expect(expected.records.filter(({ kind }) => kind === 'step')).toHaveLength(16);
      expect(actual.records).toEqual(expected.records);
      expect(actual.checkpoints.map((file, i) => file.equals(expected.checkpoints[i]))).toEqual(Array(4).fill(true));
    });

    it.each([
      ['so many steps', { steps: 6 }],
      ['patience', { patience: 1, learningRate: 0.5, epochs: 30 }],
    ] as const)('ends by %s at the same step', async (_, settings) => {
      const expected = await recordsOf(trainerFor(one(), settings));
      const trainer = trainerFor(several(), settings);
      expect(await recordsOf(trainer)).toEqual(expected);
      expect(trainer.progress.step).toBe(expected.at(-1)!.step);
      expect(trainer.finished).toBeDefined();
    });

    it('stops where it diverges', async () => {
      const failure = async (engine: Engine) =>
        recordsOf(trainerFor(engine, { learningRate: 1e6, epochs: 50 })).then(
          () => undefined,
          (error: Error) => error.message,
        );
      const expected = await failure(one());
      expect(expected).toMatch(/became \S+ at step \d+/);
      expect(await failure(several())).toBe(expected);
    });

    it('left in the middle, is at rest, and goes on to the same bytes', async () => {
      const whole = trainerFor(one());
      const expected = await recordsOf(whole);
      for (const last of [1, 3, 4, 6]) {
        const left = trainerFor(several());
        for await (const record of left.run()) if (record.kind === 'step' && record.step === last) break;
        const checkpoint = left.snapshot();
        await left.release();
        expect(checkpoint.progress.step).toBeGreaterThanOrEqual(last);
        const resumed = trainerFor(several());
        resumed.restore(checkpoint, 'checkpoint');
        const rest = await recordsOf(resumed);
        expect(rest).toEqual(expected.slice(expected.length - rest.length));
        expect(bytes(resumed.snapshot()).equals(bytes(whole.snapshot()))).toBe(true);
      }
    });

    it('stopped by a signal, gives the records of all steps that it made', async () => {
      const expected = await recordsOf(trainerFor(one()));
      const trainer = trainerFor(several());
      let isAsked = false;
      const records: TrainingRecord[] = [];
      for await (const record of trainer.run(() => isAsked)) {
        records.push(record);
        if (record.step === 6) isAsked = true;
      }
      expect(records).toEqual(expected.slice(0, records.length));
      expect(records.at(-1)).toMatchObject({ kind: 'step', step: trainer.progress.step });
      const resumed = trainerFor(several());
      resumed.restore(trainer.snapshot(), 'checkpoint');
      await trainer.release();
      expect([...records, ...(await recordsOf(resumed))]).toEqual(expected);
    });

    it('evaluates, estimates, encodes and decodes to the same numbers', async () => {
      const numbers = async (engine: Engine) => {
        const trainer = trainerFor(engine);
        const model = createModel({ ...config, samples: 60 }, dataset().imageShape);
        const { test, train } = dataset();
        // More than one batch of each.
        const [count, pixels] = [2300, 64];
        const images = Uint8Array.from({ length: count * pixels }, (_, i) => (i * 37) % 251);
        const many = { count, images, labels: new Uint8Array(count) };
        const evaluator = new BoundEvaluator(engine, trainer.state, model, train);
        const trained = new TrainedModel(engine, model, trainer.state);
        const encoding = await trained.encode(many);
        const found = {
          bound: await evaluator.measure(),
          evidence: await estimateLogEvidence(engine, trainer.state, model, test, 1200, 5),
          encoding,
          pictures: await trained.decode(encoding.mean),
          error: await trained.squaredError(many),
        };
        await evaluator.release();
        await trained.release();
        await trainer.release();
        return found;
      };
      expect(await numbers(several())).toEqual(await numbers(one()));
    });
  });
}

describe('a trainer', () => {
  it('has as many steps under way as the engine allows, and none at the end of an epoch', async () => {
    const engine = ahead(createReferenceEngine(), 3);
    const trainer = trainerFor(engine, { gradientVariance: false });
    for await (const { kind } of trainer.run()) if (kind === 'epoch') expect(engine.underWay()).toBe(0);
    expect(engine.most()).toBe(3);
  });

  it('gives no checkpoint while steps are under way, for its state would be another', async () => {
    const trainer = trainerFor(ahead(createReferenceEngine(), 3));
    const records = trainer.run();
    await records.next();
    expect(() => trainer.snapshot()).toThrow('the trainer is not at rest: updates are under way');
    await records.return();
    expect(trainer.snapshot().progress.step).toBe(3);
    await trainer.release();
  });

  it('tells once of a device that is lost, and gives no checkpoint of what is lost with it', async () => {
    const unhandled: unknown[] = [];
    const remember = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', remember);
    const trainer = trainerFor(ahead(createReferenceEngine(), 4, 3));
    const steps: number[] = [];
    const failing = async () => {
      for await (const { step } of trainer.run()) steps.push(step);
    };
    await expect(failing()).rejects.toThrow('run 3: the device is lost');
    expect(steps).toEqual([1, 2]);
    expect(() => trainer.snapshot()).toThrow('not at rest');
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', remember);
    expect(unhandled).toEqual([]);
  });
});
