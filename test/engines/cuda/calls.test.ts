/** How calls go on a device: several at once, in order, and with nothing left behind. */

import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { CudaExecutable } from '../../../src/engines/cuda/executable.ts';
import { createEngineOn } from '../../../src/engines/cuda/index.ts';
import type { Bindings, Engine, Executable } from '../../../src/engines/engine.ts';
import { createReferenceEngine } from '../../../src/engines/reference/index.ts';
import { optimisers } from '../../../src/nn/optimisers.ts';
import { fillNoise, randomBits } from '../../../src/random/random.ts';
import { createProgram, elementwiseUpdate, type Program } from '../../../src/tensor/program.ts';
import { argument, noise, parameter } from '../../../src/tensor/tensor.ts';
import { trainingProgram } from '../conformance.ts';
import { createEmulatedDevice, missing } from './emulator.ts';
import { CONVOLUTIONAL, DENSE, stepProgram } from './programs.ts';

const MOMENTS = ['firstMoment', 'secondMoment'];

/** A counter that adds an argument to its only parameter at each call. */
const adder = (): Program => {
  const p = parameter('p', [1]);
  const step = argument('x', [1]);
  const update = elementwiseUpdate([], [], (at) => ({ parameter: at.parameter.add(at.gradient) }));
  return createProgram('adder', { before: p.mul(1) }, { gradients: { p: step.mul(1) }, update });
};

describe.skipIf(missing !== undefined)(
  `calls on a device${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    it('may be called ahead, and are computed in order, each with its own arguments and results', async () => {
      const engine = createEngineOn(createEmulatedDevice({ laziness: 5 }));
      const state = engine.allocate([{ name: 'p', shape: [1] }], []);
      const executable = (await engine.compile(adder(), { state, data: {} })) as CudaExecutable;
      const x = new Float32Array(1);
      const count = 3 * engine.runsAhead! + 1;
      const runs = Array.from({ length: count }, (_, i) => {
        // The caller may use its array again at once.
        x[0] = i + 1;
        return executable.run({ arguments: { x } });
      });
      const before = (await Promise.all(runs)).map((results) => results.before[0]);
      expect(before).toEqual(Array.from({ length: count }, (_, i) => (i * (i + 1)) / 2));
      expect(state.read('p')[0]).toBe((count * (count + 1)) / 2);
      await executable.release();
    });

    it('see what is written to the state between them', async () => {
      const engine = createEngineOn(createEmulatedDevice());
      const state = engine.allocate([{ name: 'p', shape: [1] }], []);
      const executable = await engine.compile(adder(), { state, data: {} });
      const first = executable.run({ arguments: { x: Float32Array.of(5) } });
      expect(state.read('p')[0]).toBe(5);
      state.write('p', [100]);
      const second = executable.run({ arguments: { x: Float32Array.of(1) } });
      expect([(await first).before[0], (await second).before[0]]).toEqual([0, 100]);
      await executable.release();
    });

    it('that are refused leave the others alone', async () => {
      const engine = createEngineOn(createEmulatedDevice());
      const state = engine.allocate([{ name: 'p', shape: [1] }], []);
      const executable = await engine.compile(adder(), { state, data: {} });
      await expect(executable.run({})).rejects.toThrow('argument "x" is missing');
      await executable.run({ arguments: { x: Float32Array.of(2) } });
      expect(state.read('p')[0]).toBe(2);
      await executable.release();
    });

    it('finish before their memory is freed', async () => {
      const engine = createEngineOn(createEmulatedDevice({ laziness: 1000 }));
      const state = engine.allocate([{ name: 'p', shape: [1] }], []);
      const executable = await engine.compile(adder(), { state, data: {} });
      const run = executable.run({ arguments: { x: Float32Array.of(3) } });
      await executable.release();
      expect((await run).before[0]).toBe(0);
      expect(state.read('p')[0]).toBe(3);
    });

    it('keep the state that they work on, which is freed once nobody holds it', async () => {
      v8.setFlagsFromString('--expose-gc');
      const collect = vm.runInNewContext('gc') as () => void;
      const settled = async () => {
        for (let i = 0; i < 5; i++) {
          collect();
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      };
      const device = createEmulatedDevice();
      const engine = createEngineOn(device);
      const compiled = async () =>
        engine.compile(adder(), { state: engine.allocate([{ name: 'p', shape: [1] }], []), data: {} });
      let executable: Executable | undefined = await compiled();
      await settled();
      const held = device.allocated();
      await executable.run({ arguments: { x: Float32Array.of(1) } });
      expect((await executable.run({ arguments: { x: Float32Array.of(1) } })).before[0]).toBe(1);
      expect(device.allocated()).toBe(held);
      await executable.release();
      executable = undefined;
      await settled();
      expect(device.allocated()).toBe(0);
    });

    it('leave no memory behind once released, and hold data once for all programs', async () => {
      const device = createEmulatedDevice();
      const engine = createEngineOn(device);
      const state = engine.allocate(
        [
          { name: 'weight', shape: [5, 12] },
          { name: 'bias', shape: [5] },
        ],
        MOMENTS,
      );
      const empty = device.allocated();
      const images = new Uint8Array(120);
      const bindings: Bindings = { state, data: { images } };
      const first = await engine.compile(trainingProgram(), bindings);
      const one = device.allocated() - empty;
      const second = await engine.compile(trainingProgram(), bindings);
      expect(device.allocated() - empty).toBe(2 * one - images.length);
      await first.release();
      await second.release();
      expect(device.allocated()).toBe(empty);
    });
  },
);

describe.skipIf(missing !== undefined)('noise on a device', () => {
  const SIZE = 1001;
  const draw = async (engine: Engine) => {
    const program = createProgram('noise', {
      uniform: noise('a', { kind: 'uniform' }, [SIZE]).mul(1),
      normal: noise('b', { kind: 'standardNormal' }, [SIZE]).mul(1),
      mask: noise('c', { kind: 'bernoulli', probability: 0.3 }, [SIZE]).mul(1),
    });
    const executable = await engine.compile(program, { state: engine.allocate([], []), data: {} });
    const results = await executable.run({ noise: KEY });
    await executable.release();
    return results;
  };
  // Both halves of the seed and of the step count.
  const KEY = { seed: 2 ** 40 + 12345, step: 2 ** 33 + 7 };
  const host = (stream: string, distribution: Parameters<typeof fillNoise>[1]) => {
    const values = new Float32Array(SIZE);
    fillNoise(values, distribution, { ...KEY, stream });
    return values;
  };

  it('is the same numbers as on the host: normals up to rounding, the others bit for bit', async () => {
    const { uniform, normal, mask } = await draw(createEngineOn(createEmulatedDevice()));
    expect(uniform).toEqual(host('a', { kind: 'uniform' }));
    expect(mask).toEqual(host('c', { kind: 'bernoulli', probability: 0.3 }));
    const expected = host('b', { kind: 'standardNormal' });
    normal.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected[i])));
    });
  });
});

describe.skipIf(missing !== undefined)('training on a device', () => {
  const train = async (engine: Engine, program: Program, pixels: number, steps: number) => {
    const parameters = Object.entries(program.gradients).map(([name, { shape }]) => ({ name, shape }));
    const optimiser = optimisers.adam.create();
    const state = engine.allocate(parameters, optimiser.update.moments);
    for (const [i, { name, shape }] of parameters.entries()) {
      const size = shape.reduce((product, n) => product * n, 1);
      const bits = randomBits({ seed: i, stream: name, step: 0 }, size);
      const scale = shape.length === 1 ? 0 : 1 / Math.sqrt(size / shape[0]);
      state.write(
        name,
        Float32Array.from({ length: size }, (_, j) => scale * (2 * (bits[j] / 2 ** 32) - 1)),
      );
    }
    const images = Uint8Array.from({ length: 200 * pixels }, (_, i) =>
      (i % pixels) % 5 < 2 ? 255 - (i % 64) : i % 32,
    );
    const executable = await engine.compile(program, { state, data: { images } });
    const losses: number[] = [];
    for (let step = 1; step <= steps; step++) {
      const results = await executable.run({
        arguments: { indices: Int32Array.from({ length: 8 }, (_, i) => (13 * step + 7 * i) % 200) },
        noise: { seed: 3, step },
        coefficients: optimiser.coefficients(step, 1e-3),
      });
      losses.push(results.loss[0]);
    }
    const values = parameters.flatMap(({ name }) => [...state.read(name)]);
    await executable.release();
    return { losses, values };
  };

  it.each([
    ['dense, with dropout and drawn pixels', { ...DENSE, hidden: [60, 40], binarize: 'stochastic' }],
    ['convolutional, with a clipped gradient', { ...CONVOLUTIONAL, channels: [4, 6], hidden: [20], clip: 5 }],
  ] as const)('goes as on the reference: %s', async (_, settings) => {
    const image = [1, 12, 12] as const;
    const program = stepProgram(settings, image, 8);
    const [actual, expected] = [
      await train(createEngineOn(createEmulatedDevice()), program, 144, 20),
      await train(createReferenceEngine(), program, 144, 20),
    ];
    expect(expected.losses[19]).toBeLessThan(expected.losses[0]);
    expected.losses.forEach((loss, i) => {
      expect(Math.abs(actual.losses[i] - loss)).toBeLessThan(1e-4 * Math.abs(loss));
    });
    // Adam moves what has next to no gradient by its sign, so single values may differ by a step; their mean may not.
    const difference = expected.values.reduce((sum, value, i) => sum + Math.abs(value - actual.values[i]), 0);
    expect(difference / expected.values.length).toBeLessThan(1e-5);
  });
});
