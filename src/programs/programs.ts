/** The programs of a model: one training step, the measured bounds, encoding, decoding, reconstruction. */

import { binarisations } from '../data/binarise.ts';
import type { ImageShape } from '../data/dataset.ts';
import { examples, type Preprocessing, targets } from '../data/preprocessing.ts';
import { clipByNorm, globalNorm } from '../nn/clipping.ts';
import type { Optimiser } from '../nn/optimisers.ts';
import type { RunConfig } from '../settings/table.ts';
import { gradients } from '../tensor/gradients.ts';
import { createProgram, type Program } from '../tensor/program.ts';
import { argument, constant, type Tensor } from '../tensor/tensor.ts';
import { standardNormalNoise } from '../vae/distributions/normal.ts';
import { likelihoodOf } from '../vae/likelihoods/index.ts';
import { RANGES } from '../vae/likelihoods/likelihood.ts';
import { Vae } from '../vae/model.ts';
import type { EstimatorName } from '../vae/objectives/estimators.ts';
import { objectives } from '../vae/objectives/index.ts';
import { logWeights } from '../vae/objectives/iwae.ts';
import type { Objective, ObjectiveRow } from '../vae/objectives/objective.ts';
import type { BatchSource } from './batches.ts';

/** What the programs of a run have in common. */
export interface Model {
  readonly vae: Vae;
  readonly config: RunConfig;
}

export const createModel = (config: RunConfig, imageShape: ImageShape): Model => ({
  vae: new Vae({ ...config, imageShape }),
  config,
});

/** How many rows of an image's planes fit into a run. */
export function rowsOf({ vae }: Model, values: number): number {
  const { imageShape, likelihood } = vae.config;
  const [, height, width] = imageShape;
  return Math.max(1, Math.floor(values / (likelihoodOf(likelihood).planes(vae.config) * height * width)));
}

/** How images are given in training. */
const inTraining = ({ vae, config }: Model): Preprocessing => ({
  imageShape: vae.config.imageShape,
  ...RANGES[config.range],
  binarise: config.binarize,
  flip: config.flip,
  ...(config.inputNoise && { inputNoise: config.inputNoise }),
});

/** How images are given that need no more binarising: as they are. */
export const asMeasured = ({ vae, config }: Model): Preprocessing => ({
  imageShape: vae.config.imageShape,
  ...RANGES[config.range],
  binarise: 'none',
  flip: false,
});

const posteriorNoise = ({ vae }: Model, batch: number, samples: number): Tensor =>
  standardNormalNoise('posterior', [samples, batch, vae.latents]);

/** Means over the batch, in nats. */
const summary = ({ loss, bound, logLikelihood, kl, layerKl }: Objective) => ({
  loss,
  bound: bound.mean(),
  logLikelihood: logLikelihood.mean(),
  kl: kl.mean(),
  ...(layerKl && { layerKl: layerKl.mean(0) }),
});

type Settings = Omit<RunConfig, 'beta'> & { readonly beta: number | Tensor };
const objectiveOf = ({ objective }: RunConfig): ObjectiveRow<Settings> => objectives[objective];

/** β at a step: a number, or an argument of the program where it is warmed up. */
const betaOf = ({ beta, klWarmUp }: RunConfig): number | Tensor => (klWarmUp === 0 ? beta : argument('beta', []));

/** What the training program's β is given at a step, counted from 1: it rises evenly to its full weight. */
export const betaArgument = ({ beta, klWarmUp }: RunConfig, step: number): Record<string, Float32Array> =>
  klWarmUp === 0 ? {} : { beta: Float32Array.of(beta * Math.min(1, step / klWarmUp)) };

/** The objective of one batch as it is trained, and its derivatives by every parameter. */
function trainingGradients(
  model: Model,
  pixels: Tensor,
): { readonly objective: Objective; readonly derivatives: readonly Tensor[] } {
  const { config } = model;
  const { target, seen } = examples(pixels, inTraining(model));
  const noise = posteriorNoise(model, target.shape[0], config.samples);
  const settings = { ...config, beta: betaOf(config), mode: 'training', seen } as const;
  const objective = objectiveOf(config).train(model.vae, target, noise, settings);
  const parameters = model.vae.parameters.map(({ tensor }) => tensor);
  return { objective, derivatives: gradients(objective.surrogate ?? objective.loss, parameters) };
}

/** An estimator's derivatives of the loss by the encoder's parameters; nothing but the draws of z is left to chance. */
export function encoderGradients(model: Model, pixels: Tensor, estimator: EstimatorName): Tensor[] {
  const { config, vae } = model;
  const x = targets(pixels, asMeasured(model));
  const noise = posteriorNoise(model, x.shape[0], config.samples);
  const { loss, surrogate = loss } = objectiveOf(config).train(vae, x, noise, { ...config, estimator });
  return gradients(
    surrogate,
    vae.encoder.parameters.map(({ tensor }) => tensor),
  );
}

/** Loss, gradients and update of one batch. Outputs: loss, bound, logLikelihood, kl; gradientNorm where it is asked for. */
export function trainingProgram(model: Model, optimiser: Optimiser, batch: number, source: BatchSource): Program {
  const { clip, gradientNorm } = model.config;
  const { objective, derivatives } = trainingGradients(model, source.pixels(batch));
  const clipped =
    clip > 0
      ? clipByNorm(derivatives, clip)
      : { gradients: derivatives, ...(gradientNorm && { norm: globalNorm(derivatives) }) };
  const outputs = { ...summary(objective), ...(clipped.norm && { gradientNorm: clipped.norm }) };
  const names = model.vae.parameters.map(({ name }) => name);
  return createProgram(`training, batch ${batch}`, outputs, {
    gradients: Object.fromEntries(names.map((name, i) => [name, clipped.gradients[i]])),
    update: optimiser.update,
  });
}

/**
 * The objective at β = 1 of one batch of images that need no more binarising, without dropout.
 * Outputs: loss, bound, logLikelihood, kl.
 */
export function boundProgram(model: Model, batch: number, source: BatchSource): Program {
  const { config, vae } = model;
  const x = targets(source.pixels(batch), asMeasured(model));
  const noise = posteriorNoise(model, batch, config.samples);
  return createProgram(`bound, batch ${batch}`, summary(objectiveOf(config).measure(vae, x, noise, config)));
}

/**
 * log Σ w over `samples` importance weights of each image of a batch: [B], in nats. Runs over several noises are
 * combined by adding the sums.
 */
export function importanceProgram(model: Model, batch: number, samples: number, source: BatchSource): Program {
  const x = targets(source.pixels(batch), asMeasured(model));
  const noise = standardNormalNoise('importance', [samples, batch, model.vae.latents]);
  return createProgram(`importance, batch ${batch} × ${samples}`, {
    logWeightSum: logWeights(model.vae, x, noise).logSumExp(0),
  });
}

/** A picture in [0, 1] of a value on the model's scale. */
export function toPicture(value: Tensor, { range }: RunConfig): Tensor {
  const { low, high } = RANGES[range];
  return value.sub(low).mul(1 / (high - low));
}

/** Noise ε ~ N(0, I) to draws from the prior: [B, noiseSize] → [B, L]. Output: latents. */
export function priorProgram({ vae: { prior } }: Model, batch: number): Program {
  const noise = argument('noise', [batch, prior.noiseSize]);
  return createProgram(`prior, batch ${batch}`, { latents: prior.sample(noise) });
}

/** Latents [B, L] to pictures in [0, 1], [B, D]. Output: pictures. */
export function decodeProgram({ vae, config }: Model, batch: number): Program {
  const z = argument('latents', [batch, vae.latents]);
  return createProgram(`decode, batch ${batch}`, { pictures: toPicture(vae.decode(z, 'evaluation').mean, config) });
}

/** Images, uint8 [B, D], as targets. One from outside was not among those that were binarised once: it is drawn here. */
function givenBatch(model: Model, batch: number): Tensor {
  const { vae, config } = model;
  const binarise = binarisations[config.binarize].isBinary ? 'stochastic' : 'none';
  return targets(argument('pixels', [batch, vae.pixels], 'uint8'), { ...asMeasured(model), binarise });
}

/**
 * Where images, uint8 [B, D], lie: mean, the centre of q(z|x), [B, L]; and where q is a normal its stddev and the kl of
 * each latent, in nats, [B, L].
 */
export function encodeProgram(model: Model, batch: number): Program {
  const posterior = model.vae.encode(givenBatch(model, batch), 'evaluation');
  const { centre: mean, stddev } = posterior;
  const kl = posterior.draw(constant(0).broadcastTo([1, ...mean.shape])).klTo(model.vae.prior);
  const outputs = { mean, ...(stddev && { stddev }), ...(kl && { kl }) };
  return createProgram(`encode, batch ${batch}`, outputs);
}

/**
 * A user's images, uint8 [B, D], through the model. Outputs: originals as the model sees them and pictures decoded at
 * the posterior's centre, [B, D] in [0, 1]; bound, logLikelihood and kl per image with `samples` samples, [B], in nats.
 */
export function reconstructionProgram(model: Model, batch: number, samples: number): Program {
  const { vae, config } = model;
  const x = givenBatch(model, batch);
  const noise = posteriorNoise(model, batch, samples);
  const { bound, logLikelihood, kl } = objectiveOf(config).measure(vae, x, noise, config);
  const pictures = vae.decode(vae.encode(x, 'evaluation').centre, 'evaluation').mean;
  return createProgram(`reconstruct, batch ${batch}`, {
    originals: toPicture(x, config),
    pictures: toPicture(pictures, config),
    bound,
    logLikelihood,
    kl,
  });
}
