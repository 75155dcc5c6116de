import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { firstImages } from '../../src/data/dataset.ts';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { BoundEvaluator, estimateLogEvidence } from '../../src/evaluation/bound.ts';
import { loadState } from '../../src/inference/trained-model.ts';
import { createModel } from '../../src/programs/programs.ts';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from '../../src/runs/checkpoint.ts';
import { encodeSafetensors } from '../../src/runs/safetensors.ts';
import { checkConfig } from '../../src/settings/check.ts';
import type { RunConfig } from '../../src/settings/table.ts';
import type { EpochRecord } from '../../src/training/records.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { SMALL, useDigits } from './small-run.ts';

const { folder, dataset } = useDigits();
const config: RunConfig = { ...SMALL, device: 'onnx' };

const engines = { onnx: await createOnnxEngine({ threads: 1 }), reference: createReferenceEngine() };

const trainerFor = (settings: RunConfig, engine = engines.onnx) =>
  new Trainer(engine, createModel(settings, dataset().imageShape), dataset());

async function finish(trainer: Trainer): Promise<EpochRecord[]> {
  const epochs: EpochRecord[] = [];
  for await (const record of trainer.run()) if (record.kind === 'epoch') epochs.push(record);
  await trainer.release();
  return epochs;
}

describe('training', () => {
  it('uses every image of an epoch, the last batch smaller, and improves', async () => {
    const trainer = trainerFor(config);
    const seen: number[] = [];
    for await (const record of trainer.run()) if (record.kind === 'step') seen.push(record.images);
    expect(seen.slice(0, 4)).toEqual([32, 64, 96, 120]);
    expect(seen).toHaveLength(12);
    const longer = await finish(trainerFor({ ...config, epochs: 20 }));
    expect(longer[19].test.bound).toBeGreaterThan(longer[0].test.bound + 5);
    for (const { train, test, validation } of longer) {
      for (const { bound, logLikelihood, kl } of [train, test, validation!]) {
        expect(bound).toBeCloseTo(logLikelihood - kl, 4);
        expect(kl).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it('is the same on the onnx engine as in 64 bits', async () => {
    const [actual, expected] = [await finish(trainerFor(config)), await finish(trainerFor(config, engines.reference))];
    expected.forEach(({ train, test }, i) => {
      expect(actual[i].train.loss).toBeCloseTo(train.loss, 3);
      expect(actual[i].test.bound).toBeCloseTo(test.bound, 3);
    });
  });

  it('selects the best epoch by the validation images', async () => {
    const epochs = await finish(trainerFor({ ...config, epochs: 6, learningRate: 0.3 }));
    let best = Number.NEGATIVE_INFINITY;
    for (const { validation, best: improved } of epochs) {
      expect(improved).toBe(validation!.bound > best);
      best = Math.max(best, validation!.bound);
    }
  });

  it('says where the loss stopped being a number', async () => {
    const wild = trainerFor({ ...config, learningRate: 1e6, epochs: 50 });
    await expect(finish(wild)).rejects.toThrow(
      /the loss became \S+ at step \d+ \(epoch \d+\): first in [^;]+; lower learningRate/,
    );
  });

  it('needs a batch that fits the data', () => {
    expect(() => trainerFor({ ...config, batchSize: 121 })).toThrow(
      'batchSize 121: larger than the 120 training images',
    );
  });
});

describe('a run of so many steps', () => {
  const settings = { ...config, steps: 6 };

  it('is not finished before its last evaluation, which a resumed run makes', async () => {
    const whole = await finish(trainerFor(settings));
    const stopped = trainerFor(settings);
    for await (const record of stopped.run(() => stopped.progress.step === 6)) {
      if (record.kind === 'epoch') expect(record.step).toBeLessThan(6);
    }
    expect([stopped.progress.step, stopped.finished]).toEqual([6, undefined]);
    const resumed = trainerFor(settings);
    resumed.restore(stopped.snapshot(), 'checkpoint');
    await stopped.release();
    expect(await finish(resumed)).toEqual(whole.slice(-1));
    expect(resumed.finished).toEqual({ why: '6 updates', limit: 'steps' });
  });

  it('has a cut epoch for its best only where there is no whole one', async () => {
    expect((await finish(trainerFor({ ...settings, steps: 2 }))).map(({ best }) => best)).toEqual([true]);
    const [first, second] = await finish(trainerFor(settings));
    expect([first.best, second.best, second.test.bound > first.test.bound]).toEqual([true, false, true]);
  });
});

/** Of networks with maps of latents for images of 8 × 8. */
const MAPS = { latent: '2x2x2', channels: [3, 3], hidden: [], activation: ['silu'], blocks: 1 } as const;

describe('a run that is stopped and resumed', () => {
  const stopAndResume = async (settings: RunConfig, stopAfter: number, engine: (typeof engines)['onnx']) => {
    const file = path.join(folder, 'stopped.safetensors');
    const first = trainerFor(settings, engine);
    let count = 0;
    for await (const record of first.run()) if (record.kind === 'step' && ++count === stopAfter) break;
    writeCheckpoint(file, first.snapshot());
    await first.release();
    const second = trainerFor(settings, engine);
    second.restore(readCheckpoint(file), file);
    const epochs = await finish(second);
    return { epochs, checkpoint: second.snapshot() };
  };

  const bytes = (checkpoint: Checkpoint): Buffer => {
    const file = path.join(folder, 'compared.safetensors');
    writeCheckpoint(file, checkpoint);
    return readFileSync(file);
  };

  const variants: Record<string, Partial<RunConfig>> = {
    'with dropout': {},
    'with stochastic binarisation, AdamW and two samples': { binarize: 'stochastic', optimizer: 'adamw', samples: 2 },
    'with Adamax and averaged weights': { optimizer: 'adamax', ema: 0.9 },
    'with a ladder, dropout and averaged weights': { ...MAPS, model: 'ladder', layers: 3, gated: true, ema: 0.9 },
    'with a map of latents': { ...MAPS, model: 'conv' },
  };
  for (const [name, settings] of Object.entries(variants)) {
    for (const [engineName, engine] of Object.entries(engines)) {
      it(`is bit for bit one that was not, ${name}, on ${engineName}`, async () => {
        const all = { ...config, ...settings };
        const whole = trainerFor(all, engine);
        const expected = await finish(whole);
        for (const stopAfter of [2, 4, 9]) {
          const { epochs, checkpoint } = await stopAndResume(all, stopAfter, engine);
          expect(epochs).toEqual(expected.slice(expected.length - epochs.length));
          expect(bytes(checkpoint).equals(bytes(whole.snapshot()))).toBe(true);
        }
      });
    }
  }
});

describe('evaluation', () => {
  const setUp = () => {
    const trainer = trainerFor(config);
    return { state: trainer.state, model: createModel(config, dataset().imageShape) };
  };

  it('estimates log p(x) above the bound, tighter with more samples', async () => {
    const trainer = trainerFor({ ...config, epochs: 15 });
    const { state } = trainer;
    await finish(trainer);
    const model = createModel(config, dataset().imageShape);
    const evaluator = new BoundEvaluator(engines.onnx, state, model, dataset().test);
    const { bound } = (await evaluator.measure())!;
    const estimate = (samples: number) => estimateLogEvidence(engines.onnx, state, model, dataset().test, samples, 3);
    const [few, many] = [await estimate(2), await estimate(500)];
    expect(few.logEvidence).toBeGreaterThan(bound - 0.1);
    expect(many.logEvidence).toBeGreaterThan(few.logEvidence);
    expect(many.standardError).toBeGreaterThan(0);
  });

  it('gives the same estimate in one run and in chunks with remainders', async () => {
    const { state, model } = setUp();
    // 4000 rows a run: 9000 samples are drawn in three runs, one of them shorter.
    const { logEvidence } = await estimateLogEvidence(
      engines.onnx,
      state,
      model,
      firstImages(dataset().test, 2),
      9000,
      1,
    );
    const other = await estimateLogEvidence(engines.onnx, state, model, firstImages(dataset().test, 2), 3000, 2);
    expect(logEvidence).toBeCloseTo(other.logEvidence, 1);
  });

  it('has the same noise each time', async () => {
    const { state, model } = setUp();
    const evaluator = new BoundEvaluator(engines.onnx, state, model, dataset().test);
    expect(await evaluator.measure()).toEqual(await evaluator.measure());
  });
});

describe('a checkpoint', () => {
  const file = path.join(folder, 'checkpoint.safetensors');
  const snapshot = () => trainerFor(config).snapshot();

  it('comes back whole', () => {
    const checkpoint = snapshot();
    writeCheckpoint(file, checkpoint);
    expect(readCheckpoint(file)).toEqual(checkpoint);
  });

  it('of another architecture does not fit', () => {
    const checkpoint = snapshot();
    const wider = createModel({ ...config, hidden: [13] }, dataset().imageShape);
    expect(() => loadState(engines.onnx, wider, checkpoint, 'file')).toThrow(
      'file: "encoder.0.weight" is [12, 64], expected [13, 64]; it comes from a different network',
    );
    const deeper = createModel({ ...config, hidden: [12, 12] }, dataset().imageShape);
    expect(() => loadState(engines.onnx, deeper, checkpoint, 'file')).toThrow('it comes from a different network');
    const shallow = createModel({ ...config, hidden: [12], dropout: 0 }, dataset().imageShape);
    expect(() => loadState(engines.onnx, shallow, checkpoint, 'file')).toThrow('file: has no "encoder.2.weight"');
  });

  it('that is some other safetensors file is refused', () => {
    writeFileSync(file, encodeSafetensors({ tensors: [], metadata: {} }));
    expect(() => readCheckpoint(file)).toThrow('not a checkpoint of vae');
    writeFileSync(file, encodeSafetensors({ tensors: [], metadata: { vae: '9' } }));
    expect(() => readCheckpoint(file)).toThrow('its format is 9, this program reads 2');
    writeFileSync(file, encodeSafetensors({ tensors: [], metadata: { vae: '1', config: '{"latent":0}' } }));
    expect(() => readCheckpoint(file)).toThrow('its configuration: latent 0: expected an integer');
  });

  it('whose updates do not add up is refused: it would never reach its end', () => {
    const trainer = trainerFor(config);
    const progress = { ...trainer.progress, epoch: 2, step: 2 * trainer.stepsPerEpoch + 1 };
    expect(() => trainer.restore({ ...snapshot(), progress }, 'file')).toThrow(
      'file: damaged: 9 updates are not 2 epochs of 4 and 0 more',
    );
  });

  it('is never seen half-written', () => {
    const target = path.join(folder, 'missing', 'checkpoint.safetensors');
    expect(() => writeCheckpoint(target, snapshot())).toThrow(`cannot write ${target}: no such file or folder`);
  });
});

describe('a configuration', () => {
  const check = (settings: Record<string, unknown>) => checkConfig({ ...config, ...settings });
  const wrong: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ epochs: 0 }, 'epochs 0: expected an integer from 1 to 10000000'],
    [{ latent: 0 }, 'latent 0: expected an integer from 1 to 65536'],
    [{ latent: 2.5 }, 'latent 2.5: expected an integer'],
    [{ dropout: 1 }, 'dropout 1: expected a number of at least 0 and less than 1'],
    [{ hidden: [400, 0] }, 'hidden 400,0: expected sizes such as 500,500'],
    [{ activation: ['rellu'] }, 'did you mean relu?'],
    [
      { activation: ['elu', 'tanh'] },
      'activation elu,tanh: 2 activations for 1 hidden layer; give one for all, or one for each',
    ],
    [{ learningRate: 'fast' }, 'learningRate fast: expected a number above 0'],
    [{ learningRate: Number.POSITIVE_INFINITY }, 'expected a number above 0'],
    [{ seed: -1 }, 'seed -1: expected an integer of at least 0'],
    [{ hidden: [] }, 'a dense network needs a hidden layer'],
    [{ model: 'conv', activation: ['relu', 'elu'] }, 'one activation for all its layers'],
    [{ posterior: 'point' }, 'posterior point: a point has no density, which a bound needs; use objective autoencoder'],
    [
      { objective: 'autoencoder' },
      'posterior normal: an autoencoder without a prior encodes to a point; use posterior point',
    ],
    [{ posterior: 'planar' }, 'kl analytic: the KL of a flow has no closed form; use kl monte-carlo'],
    [
      { estimator: 'score-function', posterior: 'planar', kl: 'monte-carlo' },
      'estimator score-function: needs a posterior whose density can be computed for any z; use posterior normal',
    ],
    [{ gradientVariance: true, posterior: 'planar', kl: 'monte-carlo' }, 'gradientVariance needs a posterior'],
    [
      { freeBits: 0.1, kl: 'monte-carlo' },
      'freeBits 0.1: free bits need the KL of each latent in closed form; use kl analytic',
    ],
    [{ freeBits: 0.1, kl: 'monte-carlo', posterior: 'planar' }, 'use posterior normal'],
    [{ range: 'symmetric' }, 'the likelihood bernoulli is of pixels from 0 to 1; use range unit'],
    [
      { binarize: 'static', likelihood: 'normal' },
      'the likelihood normal is not one of black and white pixels; use binarize none or likelihood bernoulli',
    ],
    [{ likelihood: 'squared-error' }, 'this is no density, so there is no bound; use objective autoencoder'],
    [{ floor: 1 }, 'floor 1: expected no more than the learning rate, which is'],
    [{ inputNoise: 'pepper:0.1' }, 'inputNoise pepper:0.1: expected a kind and its strength'],
    [{ inputNoise: 'normal:' }, 'expected a kind and its strength'],
    [{ inputNoise: 'salt-and-pepper:1.1' }, 'expected a kind and its strength'],
    [{ stddev: 'learnt' }, 'stddev learnt: expected a number above 0, or one of learned, per-pixel'],
  ];
  for (const [settings, message] of wrong) {
    it(`with ${JSON.stringify(settings)} is refused`, () => expect(() => check(settings)).toThrow(message));
  }
  it('that is right is kept', () => expect(check({})).toEqual(config));
});
