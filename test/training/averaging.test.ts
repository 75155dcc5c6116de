/** A run that averages its weights trains as one that does not; it is measured, shown and used by its averages. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ImageSet } from '../../src/data/dataset.ts';
import type { State } from '../../src/engines/engine.ts';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import { BoundEvaluator } from '../../src/evaluation/bound.ts';
import { exporters } from '../../src/inference/export.ts';
import { loadState } from '../../src/inference/trained-model.ts';
import { specOf } from '../../src/nn/parameter.ts';
import { createModel } from '../../src/programs/programs.ts';
import { type Checkpoint, encodeCheckpoint, readCheckpoint, writeCheckpoint } from '../../src/runs/checkpoint.ts';
import { decodeSafetensors, type NamedTensor } from '../../src/runs/safetensors.ts';
import type { RunConfig } from '../../src/settings/table.ts';
import type { EpochRecord } from '../../src/training/records.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { SMALL, useDigits } from './small-run.ts';

const { folder, dataset } = useDigits();
const engine = await createOnnxEngine({ threads: 1 });

const modelOf = (settings: Partial<RunConfig>) =>
  createModel({ ...SMALL, device: 'onnx', epochs: 2, ...settings }, dataset().imageShape);
const trainerFor = (settings: Partial<RunConfig>) => new Trainer(engine, modelOf(settings), dataset());

async function finish(trainer: Trainer): Promise<EpochRecord[]> {
  const epochs: EpochRecord[] = [];
  for await (const record of trainer.run()) if (record.kind === 'epoch') epochs.push(record);
  await trainer.release();
  return epochs;
}

/** The bound of weights that are given by hand. */
async function boundOf(weights: readonly NamedTensor[], set: ImageSet): Promise<number> {
  const model = modelOf({});
  const state = engine.allocate(model.vae.parameters.map(specOf), []);
  for (const { name, values } of weights) state.write(name, values);
  const evaluator = new BoundEvaluator(engine, state, model, set);
  const { bound } = (await evaluator.measure())!;
  await evaluator.release();
  return bound;
}

const weightsOf = (state: State) =>
  state.parameters.map(({ name, shape }) => ({ name, shape, values: state.read(name) }));

describe('a run that averages its weights', () => {
  it('trains as one that does not: without its average, its checkpoint has the same bytes', async () => {
    const [plain, averaging] = [trainerFor({}), trainerFor({ ema: 0.9 })];
    const [expected, found] = [await finish(plain), await finish(averaging)];
    expect(found.map(({ train }) => train)).toEqual(expected.map(({ train }) => train));
    const { moments, parameters } = averaging.snapshot();
    const { average, ...others } = moments;
    const bytes = encodeCheckpoint(plain.snapshot());
    expect(encodeCheckpoint({ ...plain.snapshot(), parameters, moments: others }).equals(bytes)).toBe(true);
    expect(average.map(({ name }) => name)).toEqual(parameters.map(({ name }) => name));
    expect(average).not.toEqual(parameters);
  });

  it('is measured by its averages, and by its weights without an average', async () => {
    const { test, validation } = dataset();
    for (const ema of [0.9, 0]) {
      const trainer = trainerFor({ ema });
      let count = 0;
      for await (const record of trainer.run()) {
        if (record.kind === 'step') continue;
        const { parameters, moments } = trainer.snapshot();
        const measured = ema > 0 ? moments.average : parameters;
        expect(record.test.bound).toBe(await boundOf(measured, test));
        expect(record.validation!.bound).toBe(await boundOf(measured, validation));
        if (ema > 0) expect(record.test.bound).not.toBe(await boundOf(parameters, test));
        expect(weightsOf(trainer.evaluated)).toEqual(measured);
        count++;
      }
      expect(count).toBe(2);
      expect(trainer.evaluated === trainer.state).toBe(ema === 0);
      await trainer.release();
    }
  });

  it('is loaded and exported with its averages, and resumed with both', async () => {
    const trainer = trainerFor({ ema: 0.9 });
    await finish(trainer);
    const file = path.join(folder, 'averages.safetensors');
    writeCheckpoint(file, trainer.snapshot());
    const checkpoint = readCheckpoint(file);
    const model = modelOf({});
    const state = loadState(engine, model, checkpoint, file);
    expect(weightsOf(state)).toEqual(checkpoint.moments.average);
    const files = exporters.safetensors({ model, state, progress: checkpoint.progress, version: '1.2.3' });
    const exported = files.flatMap(({ name, content }) =>
      decodeSafetensors(Buffer.from(content), name).tensors.map((tensor) => ({
        ...tensor,
        name: `${path.parse(name).name}.${tensor.name}`,
      })),
    );
    expect(exported).toEqual(checkpoint.moments.average);
    const resumed = trainerFor({ ema: 0.9 });
    resumed.restore(checkpoint, file);
    expect(weightsOf(resumed.evaluated)).toEqual(checkpoint.moments.average);
    expect(weightsOf(resumed.state)).toEqual(checkpoint.parameters);
    expect(encodeCheckpoint(resumed.snapshot()).equals(readFileSync(file))).toBe(true);
  });

  it('is used by its first weights before the first update', () => {
    const trainer = trainerFor({ ema: 0.9 });
    const checkpoint = trainer.snapshot();
    const state = loadState(engine, modelOf({}), checkpoint, 'checkpoint');
    for (const used of [state, trainer.evaluated]) expect(weightsOf(used)).toEqual(checkpoint.parameters);
  });

  it('says which average a checkpoint lacks', async () => {
    const trainer = trainerFor({ ema: 0.9, steps: 1 });
    await finish(trainer);
    const damaged: Checkpoint = { ...trainer.snapshot(), moments: {} };
    expect(() => loadState(engine, modelOf({}), damaged, 'last')).toThrow(
      'last: has no average of "encoder.0.weight"; it comes from a different network',
    );
  });

  it('that diverges says where, as one that does not average', async () => {
    const failure = (settings: Partial<RunConfig>) =>
      finish(trainerFor({ optimizer: 'sgd', learningRate: 10, warmUp: 1000, epochs: 50, ...settings })).then(
        () => undefined,
        (error: Error) => error.message,
      );
    const expected = await failure({});
    expect(expected).toMatch(/at step \d+ \(epoch \d+\): first in /);
    expect(await failure({ ema: 0.9 })).toBe(expected);
  });
});
