/** How well images are described without latents: what a model reaches that ignores z. */

import { batches, type ImageSet } from '../data/dataset.ts';
import { targets } from '../data/preprocessing.ts';
import type { Engine, Results } from '../engines/engine.ts';
import { batchSource } from '../programs/batches.ts';
import { all, callEach, type PreparedCall } from '../programs/calls.ts';
import { Executables } from '../programs/executables.ts';
import { asMeasured, type Model, rowsOf } from '../programs/programs.ts';
import { createProgram } from '../tensor/program.ts';
import { argument, constant } from '../tensor/tensor.ts';
import { likelihoodOf } from '../vae/likelihoods/index.ts';
import type { PixelMoments } from '../vae/likelihoods/moments.ts';
import { BOUND_VALUES, evaluationImages } from './bound.ts';

/**
 * Mean of log p(x) over the images of a set, in nats per image, under the likelihood that is nearest to pixels of given
 * moments, the same for every image. With the moments of the training images no bound of a model that has learnt
 * anything is below it.
 */
export async function logLikelihoodWithoutLatents(
  engine: Engine,
  model: Model,
  moments: PixelMoments,
  set: ImageSet,
): Promise<number> {
  const { config } = model.vae;
  const { read, outputsFor, parameters, parametersFor } = likelihoodOf(config.likelihood);
  const outputs = Float32Array.from(outputsFor(moments, config));
  const values = parametersFor?.(moments, config) ?? [];
  const fitted = (parameters?.(config) ?? []).map((parameter, i) => ({
    ...parameter,
    tensor: constant(Float32Array.from(values[i]), parameter.tensor.shape),
  }));
  const measured = evaluationImages(set, model.config);
  const source = batchSource(measured, model.vae.pixels);
  const program = (batch: number) => {
    const x = targets(source.pixels(batch), asMeasured(model));
    const likelihood = read(argument('outputs', [1, outputs.length]), config, fitted);
    return createProgram(`without latents, batch ${batch}`, { logLikelihood: likelihood.logProb(x).sum(-1).mean() });
  };
  const state = engine.allocate([], []);
  const executables = new Executables((batch) => engine.compile(program(batch), { state, data: source.data }));
  let sum = 0;
  const prepare = async (positions: Int32Array): Promise<PreparedCall> => ({
    executable: await executables.of(positions.length),
    call: { arguments: { ...source.at(positions), outputs } },
  });
  const add = ({ logLikelihood }: Results, { length }: Int32Array): void => {
    sum += logLikelihood[0] * length;
  };
  try {
    await all(callEach(engine, batches(measured.count, rowsOf(model, BOUND_VALUES)), prepare, add));
  } finally {
    await executables.release();
  }
  return sum / measured.count;
}
