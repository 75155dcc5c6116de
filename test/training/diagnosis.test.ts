/** A run that diverges says where it began, whether it was resumed or not, and loses nothing that was saved. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engines/engine.ts';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { createModel } from '../../src/programs/programs.ts';
import { readCheckpoint, writeCheckpoint } from '../../src/runs/checkpoint.ts';
import type { RunConfig } from '../../src/settings/table.ts';
import { DivergenceError } from '../../src/training/divergence.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { ahead } from '../programs/ahead.ts';
import { SMALL, useDigits } from './small-run.ts';

const { folder, dataset } = useDigits();
const engines = { onnx: await createOnnxEngine({ threads: 1 }), reference: createReferenceEngine() };

const trainerFor = (engine: Engine, settings: Partial<RunConfig>) =>
  new Trainer(engine, createModel({ ...SMALL, epochs: 50, ...settings }, dataset().imageShape), dataset());

/** Trains until it fails; a snapshot is taken after every epoch where a file is given for it. */
async function failureOf(trainer: Trainer, file?: string, stopped?: () => boolean): Promise<DivergenceError> {
  try {
    for await (const { kind } of trainer.run(stopped)) {
      if (kind === 'epoch' && file !== undefined) writeCheckpoint(file, trainer.snapshot());
    }
  } catch (error) {
    expect(error).toBeInstanceOf(DivergenceError);
    return error as DivergenceError;
  } finally {
    await trainer.release();
  }
  throw new Error('the run did not diverge');
}

/** The rate grows with every step, and is too large after a few epochs. */
const LATE: Partial<RunConfig> = { optimizer: 'sgd', learningRate: 10, warmUp: 1000 };

for (const [name, engine] of Object.entries(engines)) {
  describe(`a run that diverges on ${name}`, () => {
    it('by a large learning rate says that a variance has overflowed', async () => {
      const { message, finding } = await failureOf(trainerFor(engine, { learningRate: 1e6 }));
      expect(message).toBe(
        'the loss became NaN at step 2 (epoch 1): first in exp(mul) of [32, 3] in the forward pass, then in the ' +
          'gradient of "encoder.0.weight"; lower learningRate (now 1000000), or use clip 10 or scale softplus',
      );
      expect(finding).toMatchObject({
        step: 2,
        node: {
          primitive: 'exp',
          shape: [32, 3],
          line: expect.stringMatching(/^%\d+ = exp\(%\d+\) : float\[32, 3\]$/),
        },
        parameter: { name: 'encoder.0.weight', what: 'gradient' },
      });
    });

    it('by tiny pixels says so before anything is learnt', async () => {
      const { message } = await failureOf(trainerFor(engine, { likelihood: 'normal', stddev: 1e-30 }));
      expect(message).toBe(
        'the loss became Infinity at step 1 (epoch 1), before anything was learnt: first in exp(138.2) in the forward ' +
          'pass, then in the gradient of "encoder.0.weight"; look at stddev, beta and freeBits',
      );
    });

    it('by an update that overflows names the parameter and the step', async () => {
      const { message, finding } = await failureOf(trainerFor(engine, { optimizer: 'sgd', learningRate: 1e40 }));
      expect(message).toMatch(
        /at step 2 \(epoch 1\): first in the parameter "encoder.0.weight" after the update of step 1;/,
      );
      expect(finding).toEqual({ step: 1, parameter: { name: 'encoder.0.weight', what: 'value' } });
    });

    it('in the evaluation behind an update names what that update has spoilt', async () => {
      const once: Partial<RunConfig> = { optimizer: 'sgd', learningRate: 1e40, batchSize: 120 };
      expect((await failureOf(trainerFor(engine, once))).message).toMatch(
        /^the bound is no longer a number \(epoch 1\): first in the parameter "encoder.0.weight" after the update of step 1; lower/,
      );
      // Finite weights whose bound overflows: the update shows nothing.
      expect((await failureOf(trainerFor(engine, { ...once, learningRate: 1e30 }))).message).toMatch(
        /^the bound is no longer a number \(epoch 1\); lower/,
      );
    });

    it('finds the same from the seed, from the last snapshot, and when it is resumed', async () => {
      const file = path.join(folder, `late-${name}.safetensors`);
      const fromSeed = await failureOf(trainerFor(engine, LATE));
      const fromSnapshot = await failureOf(trainerFor(engine, LATE), file);
      const saved = readFileSync(file);
      const resumed = trainerFor(engine, LATE);
      resumed.restore(readCheckpoint(file), file);
      expect(resumed.progress.epoch).toBeGreaterThan(1);
      const fromFile = await failureOf(resumed);
      expect(fromSeed.message).toMatch(/at step \d+ \(epoch 1\d\): first in /);
      for (const other of [fromSnapshot, fromFile]) {
        expect(other.message).toBe(fromSeed.message);
        expect(other.finding).toEqual(fromSeed.finding);
      }
      expect(readFileSync(file).equals(saved)).toBe(true);
    });

    it('with steps under way finds the same', async () => {
      const expected = await failureOf(trainerFor(engine, LATE));
      const several = ahead(engine, 3);
      const actual = await failureOf(trainerFor(several, LATE));
      expect(actual.message).toBe(expected.message);
      expect(several.underWay()).toBe(0);
    });
  });
}

describe('the search for the cause', () => {
  const engine = engines.reference;

  it('ends when it is asked to, and the message is what it was', async () => {
    let runs = 0;
    const counting: Engine = {
      ...engine,
      compile: async (program, bindings) => {
        const executable = await engine.compile(program, bindings);
        return {
          ...executable,
          run: (call) => {
            if (program.update !== undefined) runs++;
            return executable.run(call);
          },
        };
      },
    };
    const whole = await failureOf(trainerFor(counting, LATE));
    const made = Number(/at step (\d+)/.exec(whole.message)![1]);
    expect(runs).toBe(2 * made - 1);
    runs = 0;
    const { message, finding } = await failureOf(trainerFor(counting, LATE), undefined, () => runs >= made + 2);
    expect(runs).toBe(made + 2);
    expect(message).toBe(whole.message.replace(/: first in [^;]+/, ''));
    expect(finding).toBeUndefined();
  });

  it('that fails itself leaves the message as it was', async () => {
    const failing: Engine = {
      ...engine,
      compile: async (program, bindings) => {
        if (program.name.includes('watched')) throw new Error('no memory');
        return engine.compile(program, bindings);
      },
    };
    expect((await failureOf(trainerFor(failing, { learningRate: 1e6 }))).message).toBe(
      'the loss became NaN at step 2 (epoch 1); lower learningRate (now 1000000), or use clip 10 or scale softplus',
    );
  });

  it('leaves a state of which there is no snapshot', async () => {
    const trainer = trainerFor(engine, { learningRate: 1e6 });
    await failureOf(trainer);
    expect(() => trainer.snapshot()).toThrow('the trainer is not at rest');
  });
});
