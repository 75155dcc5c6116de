/** The first values of a model's parameters: from the seed, and where it is asked for from the data. */

import type { ImageSet } from '../data/dataset.ts';
import { likelihoodOf } from '../vae/likelihoods/index.ts';
import { pooled } from '../vae/likelihoods/moments.ts';
import { networks } from '../vae/networks/index.ts';
import { pixelMoments } from './pixel-moments.ts';
import type { Model } from './programs.ts';

/** Every parameter's name and values. */
export function initialValues(model: Model, train: ImageSet): [string, Float32Array][] {
  const { vae, config } = model;
  const first = config.initialBias === 'default' ? new Map<string, ArrayLike<number>>() : valuesFrom(train, model);
  return vae.parameters.map(({ name, initialise }) => [
    name,
    Float32Array.from(first.get(name) ?? initialise(config.seed)),
  ]);
}

/** What begins where the likelihood wants it for the pixels of a set: the decoder's last layer, and what is beside it. */
function valuesFrom(set: ImageSet, { vae, config }: Model): Map<string, ArrayLike<number>> {
  const { outputsFor, parameters, parametersFor } = likelihoodOf(config.likelihood);
  const ofPlaces = pixelMoments(set, vae.config.imageShape);
  // A last layer of convolutions has one bias per plane.
  const moments = networks[config.model].pixelBias ? ofPlaces : pooled(ofPlaces);
  const [weight, bias] = vae.decoder.parameters.slice(-2);
  const beside = parametersFor?.(moments, vae.config) ?? [];
  const names = parameters?.(vae.config).map(({ name }) => name) ?? [];
  return new Map<string, ArrayLike<number>>([
    [bias.name, outputsFor(moments, vae.config)],
    ...(config.initialBias === 'data-alone' ? [[weight.name, new Float32Array(weight.tensor.size)] as const] : []),
    ...names.map((name, i) => [name, beside[i]] as const),
  ]);
}
