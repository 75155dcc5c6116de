/** The programs of a model: one training step, the measured bounds, encoding, decoding, reconstruction. */

import { type Binarisation, targets } from '../data/binarise.ts';
import type { ImageShape } from '../data/dataset.ts';
import { pixelsOf } from '../data/dataset.ts';
import type { Mode } from '../nn/layer.ts';
import type { Optimiser } from '../nn/optimisers.ts';
import { gradients } from '../tensor/gradients.ts';
import { createProgram, type Program } from '../tensor/program.ts';
import { argument, data, type Tensor } from '../tensor/tensor.ts';
import { standardNormalNoise } from '../vae/distributions/normal.ts';
import { Vae } from '../vae/model.ts';
import { elbo, logWeights, type Objective } from '../vae/objectives.ts';
import type { RunConfig } from './config.ts';

/** What the programs of a run have in common. */
export interface Model {
  readonly vae: Vae;
  readonly config: RunConfig;
}

export const createModel = (config: RunConfig, imageShape: ImageShape): Model => ({
  vae: new Vae({ ...config, initialisation: config.initializer, imageShape }),
  config,
});

/** A batch of `batch` images of a resident set of `count`, as targets in [0, 1]: [B, D]. */
function residentBatch({ vae }: Model, batch: number, count: number, binarise: Binarisation): Tensor {
  const images = data('images', [count, vae.pixels], 'uint8');
  return targets(images.gather(argument('indices', [batch], 'int32')), binarise);
}

function objective({ vae, config }: Model, x: Tensor, mode: Mode, beta: number): Objective {
  const noise = standardNormalNoise('posterior', [config.samples, x.shape[0], config.latent]);
  return elbo(vae, x, noise, { kl: config.kl, beta, mode });
}

/** Means over the batch, in nats. */
const summary = ({ loss, logLikelihood, kl }: Objective) => ({
  loss,
  logLikelihood: logLikelihood.mean(),
  kl: kl.mean(),
});

/** Loss, gradients and update of one batch. Outputs: loss, logLikelihood, kl. */
export function trainingProgram(model: Model, optimiser: Optimiser, batch: number, count: number): Program {
  const result = objective(
    model,
    residentBatch(model, batch, count, model.config.binarize),
    'training',
    model.config.beta,
  );
  const { parameters } = model.vae;
  const derivatives = gradients(
    result.loss,
    parameters.map(({ tensor }) => tensor),
  );
  return createProgram(`training, batch ${batch}`, summary(result), {
    gradients: Object.fromEntries(parameters.map(({ name }, i) => [name, derivatives[i]])),
    update: optimiser.update,
  });
}

/**
 * The bound at β = 1 of one batch of images that need no more binarising, without dropout.
 * Outputs: loss, logLikelihood, kl.
 */
export function boundProgram(model: Model, batch: number, count: number): Program {
  const result = objective(model, residentBatch(model, batch, count, 'none'), 'evaluation', 1);
  return createProgram(`bound, batch ${batch}`, summary(result));
}

/**
 * log Σ w over `samples` importance weights of each image of a batch: [B], in nats. Runs over several noises are
 * combined by adding the sums.
 */
export function importanceProgram(model: Model, batch: number, samples: number, count: number): Program {
  const x = residentBatch(model, batch, count, 'none');
  const noise = standardNormalNoise('importance', [samples, batch, model.config.latent]);
  return createProgram(`importance, batch ${batch} × ${samples}`, {
    logWeightSum: logWeights(model.vae, x, noise).logSumExp(0),
  });
}

/** Latents [B, L] to pictures in [0, 1], [B, D]. Output: pictures. */
export function decodeProgram({ vae, config }: Model, batch: number): Program {
  const z = argument('latents', [batch, config.latent]);
  return createProgram(`decode, batch ${batch}`, { pictures: vae.decode(z, 'evaluation').mean });
}

/** Images, uint8 [B, D], as targets. One from outside was not among those that were binarised once: it is drawn here. */
function givenBatch({ vae, config }: Model, batch: number): Tensor {
  const binarise: Binarisation = config.binarize === 'none' ? 'none' : 'stochastic';
  return targets(argument('pixels', [batch, pixelsOf(vae.config.imageShape)], 'uint8'), binarise);
}

/** Images, uint8 [B, D], to q(z|x). Outputs: mean and stddev, [B, L]. */
export function encodeProgram(model: Model, batch: number): Program {
  const { mean, stddev } = model.vae.encode(givenBatch(model, batch), 'evaluation');
  return createProgram(`encode, batch ${batch}`, { mean, stddev });
}

/**
 * A user's images, uint8 [B, D], through the model. Outputs: originals as the model sees them and pictures decoded at
 * the posterior's mean, [B, D] in [0, 1]; bound, logLikelihood and kl per image with `samples` samples, [B], in nats.
 */
export function reconstructionProgram(model: Model, batch: number, samples: number): Program {
  const { vae, config } = model;
  const x = givenBatch(model, batch);
  const noise = standardNormalNoise('posterior', [samples, batch, config.latent]);
  const { bound, logLikelihood, kl } = elbo(vae, x, noise, { kl: config.kl, beta: 1, mode: 'evaluation' });
  const pictures = vae.decode(vae.encode(x, 'evaluation').mean, 'evaluation').mean;
  return createProgram(`reconstruct, batch ${batch}`, {
    originals: x,
    pictures,
    bound,
    logLikelihood,
    kl,
  });
}
