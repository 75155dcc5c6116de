/** Small models of every kind, and what they compute, for exported files to be compared with. */

import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import type { Exported } from '../../src/inference/export.ts';
import { TrainedModel } from '../../src/inference/trained-model.ts';
import type { ImageShape } from '../../src/nn/images.ts';
import { createModel } from '../../src/programs/programs.ts';
import { START } from '../../src/runs/progress.ts';
import { DEFAULTS, type RunConfig } from '../../src/settings/table.ts';

const conv = { model: 'conv', channels: [4, 6], hidden: [7], activation: ['relu'] } as const;
const residual = { model: 'residual', channels: [6, 8], blocks: 2, activation: ['relu'] } as const;
const ladder = {
  model: 'ladder',
  channels: [5, 4],
  blocks: 1,
  layers: 2,
  latent: '2x2x3',
  activation: ['elu'],
} as const;
const signed = { likelihood: 'normal', range: 'symmetric' } as const;
const plain = { objective: 'autoencoder', posterior: 'point', likelihood: 'squared-error' } as const;

/** Settings beside the defaults, and the images' shape. */
export const KINDS: Readonly<Record<string, readonly [settings: Partial<RunConfig>, imageShape: ImageShape]>> = {
  dense: [{}, [1, 5, 4]],
  'dense with other activations and scales': [
    { hidden: [6, 5, 4], activation: ['elu', 'silu', 'leaky-relu'], scale: 'softplus', dropout: 0.1 },
    [3, 4, 4],
  ],
  'dense with softplus': [{ activation: ['softplus'], scale: 'log-stddev' }, [1, 4, 4]],
  'dense with one latent': [{ latent: 1, hidden: [3] }, [1, 4, 4]],
  conv: [conv, [1, 8, 8]],
  'conv of odd sides': [{ ...conv, ...signed, kernel: 3 }, [3, 9, 7]],
  'conv with a large kernel': [{ ...conv, kernel: 5, activation: ['tanh'] }, [2, 12, 10]],
  'conv with a map of latents': [{ ...conv, hidden: [], blocks: 2, latent: '2x2x3' }, [3, 8, 8]],
  'a ladder': [{ ...ladder, gated: true }, [3, 8, 8]],
  'a ladder of uneven levels': [{ ...ladder, layers: 3, latent: '3x2x2', dropout: 0.2, scale: 'softplus' }, [1, 12, 8]],
  residual: [{ ...residual, ...signed }, [3, 8, 8]],
  'residual with one level': [{ ...residual, channels: [4], blocks: 1, activation: ['elu'] }, [1, 6, 8]],
  'a plain autoencoder': [{ ...plain, range: 'symmetric' }, [1, 4, 4]],
  'an autoencoder that squashes nothing': [{ ...plain, squash: false }, [1, 4, 4]],
  'planar flows': [{ posterior: 'planar', kl: 'monte-carlo', flowSteps: 3 }, [1, 4, 4]],
  'autoregressive flows': [
    { posterior: 'autoregressive', kl: 'monte-carlo', flowSteps: 2, flowHidden: 7, flowContext: 4 },
    [1, 4, 4],
  ],
  'a continuous Bernoulli': [{ likelihood: 'continuous-bernoulli' }, [1, 4, 4]],
  'a normal that squashes nothing': [{ ...signed, squash: false }, [3, 4, 4]],
  'a normal with a learnt stddev': [{ ...signed, stddev: 'learned' }, [1, 4, 4]],
  'a normal with a stddev for each pixel': [{ ...conv, stddev: 'per-pixel', likelihood: 'normal' }, [3, 8, 8]],
  'a discretised logistic': [{ likelihood: 'discretised-logistic', range: 'symmetric' }, [3, 4, 4]],
  'a mixture of logistics': [{ ...conv, likelihood: 'logistic-mixture', mixtures: 3 }, [3, 8, 8]],
};

const engine = createReferenceEngine();

/** A model with first values three times as large as usual, so that what it computes is far from linear. */
export function exportedModel([settings, imageShape]: (typeof KINDS)[string]): Exported {
  const small = { device: 'reference', threads: 1, hidden: [6], latent: 3 } as const;
  const model = createModel({ ...DEFAULTS, ...small, ...settings }, imageShape);
  const specs = model.vae.parameters.map(({ name, tensor }) => ({ name, shape: tensor.shape }));
  const state = engine.allocate(specs, []);
  for (const { name, initialise } of model.vae.parameters) {
    state.write(
      name,
      // What begins at zero has something to say too.
      initialise(1).map((value, i) => 3 * value || 0.1 * Math.sin(i + 1)),
    );
  }
  return { model, state, progress: START, version: '1.2.3' };
}

/** Bytes of images, what they are as pictures in [0, 1], and latents. */
export function exampleInputs({ model: { vae } }: Exported, count: number) {
  const bytes = Uint8Array.from({ length: count * vae.pixels }, (_, i) => (i * 97) % 256);
  const pictures = Float32Array.from(bytes, (byte) => byte / 255);
  const latents = Float32Array.from({ length: count * vae.latents }, (_, i) => 2 * Math.sin(3 * i + 1));
  return { bytes, pictures, latents };
}

/** What the reference engine computes of the examples. Pictures are what is drawn: in [0, 1]. */
export async function expectedOutputs(exported: Exported, count: number) {
  const { model, state } = exported;
  const trained = new TrainedModel(engine, model, state);
  const { bytes, latents } = exampleInputs(exported, count);
  const { mean, stddev } = await trained.encode({ count, images: bytes, labels: new Uint8Array(count) });
  const pictures = await trained.decode(latents);
  return {
    encoder: { mean, ...(stddev && { stddev }) },
    decoder: { pictures: pictures.map((value) => Math.min(1, Math.max(0, value))) },
  };
}
