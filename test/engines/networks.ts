/** Small networks and models, and an update, that use what an engine may rearrange. */

import { DEFAULTS } from '../../src/settings/table.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import type { Pair } from '../../src/tensor/primitives.ts';
import { createProgram, elementwiseUpdate, type Program } from '../../src/tensor/program.ts';
import {
  argument,
  attributesOf,
  concat,
  operation,
  parameter,
  type Tensor,
  topologicalOrder,
} from '../../src/tensor/tensor.ts';
import { standardNormalNoise } from '../../src/vae/distributions/normal.ts';
import { Vae, type VaeConfig } from '../../src/vae/model.ts';
import { elbo } from '../../src/vae/objectives/elbo.ts';
import { iwae } from '../../src/vae/objectives/iwae.ts';

/** Layers with parameters named by their number; small values, whatever the engine's state holds. */
class Layers {
  private count = 0;

  private weight = (...shape: number[]): Tensor => parameter(`p${this.count++}`, shape).mul(0.1);

  convolve = (x: Tensor, outputs: number, kernel: number, stride = 1, padding = 0): Tensor =>
    x
      .convolve(this.weight(outputs, x.shape[1], kernel, kernel), {
        stride: [stride, stride],
        padding: [padding, padding],
      })
      .add(this.weight(outputs, 1, 1));

  convolveTransposed = (y: Tensor, channels: number, size: Pair, kernel: number, stride: number, padding: number) =>
    y
      .convolveTransposed(this.weight(y.shape[1], channels, kernel, kernel), size, {
        stride: [stride, stride],
        padding: [padding, padding],
      })
      .add(this.weight(channels, 1, 1));

  /** Mean 0 and variance 1 over the channels of each position, with a gain and a bias. */
  normalise(x: Tensor): Tensor {
    const centred = x.sub(x.mean(1, true));
    const variance = centred.square().mean(1, true);
    const [gain, bias] = [this.weight(x.shape[1], 1, 1), this.weight(x.shape[1], 1, 1)];
    return centred.div(variance.add(0.1).sqrt()).mul(gain.add(1)).add(bias);
  }

  dense = (x: Tensor, outputs: number): Tensor => x.matmul(this.weight(outputs, x.shape[1]), { transposeB: true });
}

type Network = (layers: Layers, x: Tensor) => Tensor;

/** Images [N, C, 8, 8] through everything that stands between convolutions. */
const networks: { readonly [name: string]: Network } = {
  'down, through a dense layer, and up again': (layers, x) => {
    const [batch, channels] = x.shape;
    const hidden = layers.convolve(layers.convolve(x, 8, 4, 2, 1).relu(), 33, 4, 2, 1).elu();
    const code = layers.dense(layers.dense(hidden.reshape(batch, -1), 5).tanh(), 33 * 4);
    const up = layers.convolveTransposed(code.reshape(batch, 33, 2, 2), 8, [4, 4], 4, 2, 1).relu();
    return layers.convolveTransposed(up, channels, [8, 8], 4, 2, 1).sigmoid();
  },
  'residual blocks with normalisation, pooling and nearest neighbours': (layers, x) => {
    const [batch] = x.shape;
    const wide = layers.convolve(x, 32, 3, 1, 1);
    const narrow = layers.convolve(layers.normalise(wide).relu(), 4, 1);
    const pooled = wide.reshape(batch, 32, 4, 2, 4, 2).mean([3, 5]);
    const half = layers.convolve(layers.convolve(layers.normalise(narrow).relu(), 4, 3, 2, 1), 32, 1).add(pooled);
    const up = layers.convolveTransposed(layers.normalise(half).relu(), 32, [8, 8], 4, 2, 1);
    const nearest = half.reshape(batch, 32, 4, 1, 4, 1).broadcastTo([batch, 32, 4, 2, 4, 2]).reshape(batch, 32, 8, 8);
    return layers.convolve(up.add(nearest).relu(), 3, 5, 1, 2);
  },
  'slices, joins, choices and reductions': (layers, x) => {
    const y = layers.convolve(x, 6, 3, 1, 1);
    const [left, right] = y.split(2, 1);
    const widened = operation('pad', [right.slice(3, 0, 4)], { before: [0, 0, 0, 1], after: [0, 0, 0, 3] });
    const joined = concat([left.mul(right.sigmoid()), x, widened], 1);
    const chosen = joined.greater(0).where(joined, x.sum(1, true));
    const last = layers.convolve(chosen, 5, 2, 3, 1);
    const reduced = [last.logSumExp(1), last.max([2, 3]), last.sum([0, 3]), last.sum(3), last.sum([0, 1], true)];
    return reduced.map((part) => part.square().sum()).reduce((sum, part) => sum.add(part));
  },
};

/** Each network's value and every derivative, for images of a batch. */
export const convolutionalPrograms = (batch: number, channels: number): Program[] =>
  Object.entries(networks).map(([name, network]) => {
    const x = argument('x', [batch, channels, 8, 8]);
    const value = network(new Layers(), x);
    const loss = value.square().sum();
    const leaves = topologicalOrder([loss]).filter(({ primitive }) => primitive === 'input');
    const derived = gradients(loss, leaves);
    const nameOf = (leaf: Tensor): string => {
      const { source } = attributesOf(leaf, 'input');
      return source.kind === 'noise' ? source.stream : source.name;
    };
    return createProgram(`${name}, batch ${batch}, ${channels} channels`, {
      value,
      ...Object.fromEntries(leaves.map((leaf, i) => [`derivative by ${nameOf(leaf)}`, derived[i]])),
    });
  });

/** Of images [3, 1, 8, 8]: what stands between the pixels and a bound where latents are maps. */
const models: { readonly [name: string]: { readonly settings: Partial<VaeConfig>; readonly objective: Objective } } = {
  'a map of latents behind light blocks': {
    settings: { model: 'conv', latent: '2x2x3', hidden: [], kernel: 3 },
    objective: (vae, x, noise) => elbo(vae, x, noise, { mode: 'training' }),
  },
  'a ladder of three layers with gates and dropout': {
    settings: { model: 'ladder', latent: '2x2x2', gated: true, dropout: 0.2, scale: 'softplus' },
    objective: (vae, x, noise) => elbo(vae, x, noise, { mode: 'training', freeBits: 0.1 }),
  },
  'a ladder of two layers, weighted by importance': {
    settings: { model: 'ladder', latent: '2x2x2', layers: 2 },
    objective: (vae, x, noise) => iwae(vae, x, noise, { mode: 'training' }),
  },
};
type Objective = (vae: Vae, x: Tensor, noise: Tensor) => { readonly loss: Tensor; readonly layerKl?: Tensor };

/** Each model's loss with two samples of z, its KL by layer, and the derivatives by every parameter. */
export const modelPrograms = (): Program[] =>
  Object.entries(models).map(([name, { settings, objective }]) => {
    const common = { ...DEFAULTS, channels: [4, 6], blocks: 1, activation: ['silu'] } as const;
    const vae = new Vae({ ...common, imageShape: [1, 8, 8], ...settings });
    const noise = standardNormalNoise('posterior', [2, 3, vae.latents]);
    const { loss, layerKl } = objective(vae, argument('x', [3, 64]), noise);
    const parameters = vae.parameters.map(({ tensor }) => tensor);
    const derived = gradients(loss, parameters);
    return createProgram(name, {
      loss,
      ...(layerKl && { layerKl: layerKl.mean(0) }),
      ...Object.fromEntries(vae.parameters.map((of, i) => [`derivative by ${of.name}`, derived[i]])),
    });
  });

/** An update that uses every kind of operation that an engine's update may: two moments, a root, a choice. */

export const adamLike = elementwiseUpdate(
  ['firstMoment', 'secondMoment'],
  ['learningRate'],
  ({ parameter, gradient, firstMoment, secondMoment, learningRate }) => {
    const m = firstMoment.mul(0.9).add(gradient.mul(0.1));
    const v = secondMoment.mul(0.99).add(gradient.square().mul(0.01));
    const scaled = m.mul(learningRate).div(v.sqrt().add(1e-3));
    // Steps downwards are halved, and shrunk where the parameter is small.
    const change = scaled.less(0).where(scaled.mul(0.5), scaled.mul(parameter.abs().sub(0.1).step().mul(0.5).add(0.5)));
    return { parameter: parameter.sub(change), firstMoment: m, secondMoment: v };
  },
);
