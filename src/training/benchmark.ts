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

export interface Measurement {
  readonly batch: number;
  /** Steps before the clock starts. */
  readonly warmUp: number;
  readonly steps: number;
  readonly dropout: number;
  /** Time for each of both, cut short after its first step at the earliest. */
  readonly seconds?: number;
}

/** Forward, backward and Adam of 784-500-500-20 and back, elu and tanh, on random bytes. */
export async function denseStep(
  engine: Engine,
  { batch, warmUp, steps, dropout, seconds = Number.POSITIVE_INFINITY }: Measurement,
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

  let step = 0;
  const makeStep = async (): Promise<number> => {
    step++;
    const start = (step * batch) % (IMAGES - batch);
    const began = performance.now();
    await executable.run({
      arguments: { indices: order.subarray(start, start + batch) },
      noise: { seed: 0, step },
      coefficients: optimiser.coefficients(step, 1e-3),
    });
    return performance.now() - began;
  };
  const makeSteps = async (count: number): Promise<number[]> => {
    const times: number[] = [];
    const end = performance.now() + 1000 * seconds;
    while (times.length < count && (times.length === 0 || performance.now() < end)) times.push(await makeStep());
    return times;
  };
  await makeSteps(warmUp);
  const times = await makeSteps(steps);
  await executable.release();
  return {
    times,
    multiplyAdds: multiplyAdds(program),
    parameters: parameters.reduce((sum, { tensor }) => sum + tensor.size, 0),
  };
}
