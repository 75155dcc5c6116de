import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createTfjsEngine } from '../../src/engines/tfjs/index.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram } from '../../src/tensor/program.ts';
import { argument, data, noise, parameter } from '../../src/tensor/tensor.ts';
import { conformance, SIZES } from './conformance.ts';
import { adamLike } from './networks.ts';

describe('tfjs:wasm', () => {
  conformance(() => createTfjsEngine('wasm', { threads: 1 }));
});

describe('tfjs:cpu', () => {
  // Its convolutions take a second for what wasm does in ten milliseconds.
  conformance(() => createTfjsEngine('cpu', { threads: 1 }), { sizes: SIZES.slice(0, 3) });
});

/** A convolution, a dense layer, noise, gathered and whole data, and every kind of temporary value. */
function program() {
  const x = data('images', [6, 64], 'uint8')
    .gather(argument('rows', [3], 'int32'))
    .cast('float')
    .reshape(3, 1, 8, 8);
  const [filter, weight] = [parameter('filter', [2, 1, 3, 3]), parameter('weight', [5, 32])];
  const hidden = x
    .convolve(filter, { stride: [2, 2], padding: [1, 1] })
    .softplus()
    .reshape(3, 32);
  const y = hidden
    .matmul(weight, { transposeB: true })
    .mul(noise('mask', { kind: 'bernoulli', probability: 0.5 }, [3, 5]))
    .add(data('shift', [5], 'float'));
  const loss = y.logSumExp(1).add(y.square().mean(1)).mean();
  const [byFilter, byWeight] = gradients(loss, [filter, weight]);
  return createProgram('step', { loss }, { gradients: { filter: byFilter, weight: byWeight }, update: adamLike });
}

for (const backend of ['wasm', 'cpu'] as const) {
  it(`on ${backend} neither steps nor evaluations leave a tensor behind`, async () => {
    const engine = await createTfjsEngine(backend, { threads: 1 });
    const { numTensors, numBytes } = memory();
    const state = engine.allocate(
      [
        { name: 'filter', shape: [2, 1, 3, 3] },
        { name: 'weight', shape: [5, 32] },
      ],
      adamLike.moments,
    );
    for (const { name } of state.parameters) state.write(name, state.read(name).fill(0.1));
    expect(memory().numTensors).toBe(numTensors + 6);
    const executable = await engine.compile(program(), {
      state,
      data: { images: new Uint8Array(6 * 64).fill(3), shift: new Float32Array(5) },
    });
    const compiled = memory();
    for (let step = 1; step <= 200; step++) {
      await executable.run({
        arguments: { rows: Int32Array.of(step % 6, 0, 5) },
        noise: { seed: 1, step },
        coefficients: { learningRate: 0.01 },
      });
      const { numTensors: tensors, numBytes: bytes } = memory();
      expect([tensors, bytes]).toEqual([compiled.numTensors, compiled.numBytes]);
    }
    await executable.release();
    const stateBytes = 4 * 3 * (2 * 9 + 5 * 32);
    const left = memory();
    expect([left.numTensors, left.numBytes]).toEqual([numTensors + 6, numBytes + stateBytes]);
  });

  it(`on ${backend} a run that fails leaves none behind, and the state as it was`, async () => {
    const engine = await createTfjsEngine(backend, { threads: 1 });
    const state = engine.allocate(
      [
        { name: 'filter', shape: [2, 1, 3, 3] },
        { name: 'weight', shape: [5, 32] },
      ],
      adamLike.moments,
    );
    const executable = await engine.compile(program(), {
      state,
      data: { images: new Uint8Array(6 * 64), shift: new Float32Array(5).fill(1) },
    });
    const { numTensors } = memory();
    const run = executable.run({ arguments: { rows: Int32Array.of(1, 2, 3) }, noise: { seed: 1, step: 1 } });
    await expect(run).rejects.toThrow('coefficient "learningRate" is missing');
    expect(memory().numTensors).toBe(numTensors);
    expect(state.read('weight')).toEqual(new Float32Array(5 * 32));
  });
}
