/** Times training steps of a fixed network, so that machines and changes can be compared. */

import type { Engine } from '../engines/engine.ts';
import { optimisers } from '../nn/optimisers.ts';
import { specOf } from '../nn/parameter.ts';
import { permutation, randomBits } from '../random.ts';
import { multiplyAdds } from '../tensor/program.ts';
import { batchSource } from './batches.ts';
import { DEFAULT_CONFIG } from './config.ts';
import { createModel, trainingProgram } from './programs.ts';

const IMAGES = 10_000;

export interface StepTimes {
  /** Milliseconds of each step. */
  readonly times: readonly number[];
  /** Of one step's matrix products. */
  readonly multiplyAdds: number;
  readonly parameters: number;
}

/** Forward, backward and Adam of 784-500-500-20 and back, elu and tanh, on random bytes. */
export async function denseStep(
  engine: Engine,
  batch: number,
  warmUp: number,
  steps: number,
  dropout: number,
): Promise<StepTimes> {
  const settings = {
    hidden: [500, 500],
    activation: ['elu', 'tanh'],
    latent: 20,
    dropout,
    threads: 1,
    device: 'reference',
  } as const;
  const model = createModel({ ...DEFAULT_CONFIG, ...settings }, [1, 28, 28]);
  const { parameters, pixels } = model.vae;
  const optimiser = optimisers.adam();
  const state = engine.allocate(parameters.map(specOf), optimiser.update.moments);
  for (const { name, initialise } of parameters) state.write(name, initialise(0));
  const bits = randomBits({ seed: 0, stream: 'benchmark', step: 0 }, (IMAGES * pixels) / 4);
  const images = new Uint8Array(bits.buffer, 0, IMAGES * pixels);
  const source = batchSource({ count: IMAGES, images, labels: new Uint8Array(IMAGES) }, pixels);
  const program = trainingProgram(model, optimiser, batch, source);
  const executable = await engine.compile(program, { state, data: source.data });
  const order = permutation(IMAGES, { seed: 0, stream: 'shuffle', step: 0 });

  const times: number[] = [];
  for (let step = 1; step <= warmUp + steps; step++) {
    const start = (step * batch) % (IMAGES - batch);
    const began = performance.now();
    await executable.run({
      arguments: { indices: order.subarray(start, start + batch) },
      noise: { seed: 0, step },
      coefficients: optimiser.coefficients(step, 1e-3),
    });
    if (step > warmUp) times.push(performance.now() - began);
  }
  await executable.release();
  return {
    times,
    multiplyAdds: multiplyAdds(program),
    parameters: parameters.reduce((sum, { tensor }) => sum + tensor.size, 0),
  };
}
