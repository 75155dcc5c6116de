/** A trained model for use elsewhere: its encoder and decoder as files that other programs open. */

import type { State } from '../engines/engine.ts';
import { freeBatch } from '../engines/export/free-batch.ts';
import { encodeOnnx } from '../engines/export/onnx.ts';
import { encodeTfjs } from '../engines/export/tfjs.ts';
import { type Model, toPicture } from '../programs/programs.ts';
import type { Progress } from '../runs/progress.ts';
import { encodeSafetensors, type NamedTensor } from '../runs/safetensors.ts';
import { likelihoodContract } from '../settings/contract.ts';
import { createProgram, type Program } from '../tensor/program.ts';
import { argument, constant, type Tensor } from '../tensor/tensor.ts';
import { likelihoodOf } from '../vae/likelihoods/index.ts';
import { RANGES } from '../vae/likelihoods/likelihood.ts';

/** What is exported. */
export interface Exported {
  readonly model: Model;
  readonly state: State;
  readonly progress: Progress;
  /** Of this program. */
  readonly version: string;
}

/** A file to be written, by its name inside a folder. */
export interface ExportedFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/**
 * Pictures [B, C, H, W] in [0, 1] to where they lie. Outputs: mean, the centre of q(z|x), [B, L], and where q is a normal
 * its stddev, [B, L]. Nothing is drawn: pictures of a model of binarised pixels are taken as they are.
 */
export function exportedEncoder({ vae, config }: Model, batch: number): Program {
  const { low, high } = RANGES[config.range];
  const pictures = argument('pictures', [batch, ...vae.config.imageShape]);
  const x = pictures
    .reshape(batch, vae.pixels)
    .mul(high - low)
    .add(low);
  const { centre: mean, stddev } = vae.encode(x, 'evaluation');
  return createProgram('encoder', { mean, ...(stddev && { stddev }) });
}

/** Latents [B, L] to pictures [B, C, H, W] in [0, 1]: the mean of p(x|z). Output: pictures. */
export function exportedDecoder({ vae, config }: Model, batch: number): Program {
  const z = argument('latents', [batch, vae.latents]);
  const mean = toPicture(vae.decode(z, 'evaluation').mean, config).reshape(batch, ...vae.config.imageShape);
  const inRange = likelihoodOf(config.likelihood).meansInRange(config);
  return createProgram('decoder', { pictures: inRange ? mean : clipped(mean) });
}

const PROGRAMS = { encoder: exportedEncoder, decoder: exportedDecoder } as const;

/** min(max(x, 0), 1) */
const clipped = (x: Tensor): Tensor => constant(1).sub(constant(1).sub(x.relu()).relu());

/** What the model is of, for whoever finds the files. */
export function describeExport({ model: { vae, config }, progress, version }: Exported): Record<string, string> {
  const { dataset, latent, range, seed } = config;
  const { pixels, likelihood, objective } = likelihoodContract(config);
  const { imageShape, posterior } = vae.config;
  const fields = { dataset, pixels, likelihood, range, objective, posterior, latent, imageShape, seed };
  const texts = Object.entries({ producerVersion: version, ...fields, epochs: progress.epoch, updates: progress.step });
  return Object.fromEntries(texts.map(([name, value]) => [name, Array.isArray(value) ? value.join() : `${value}`]));
}

function onnxFiles(exported: Exported): ExportedFile[] {
  const { model, state, version } = exported;
  const about = { producerVersion: version, metadata: describeExport(exported) };
  return Object.entries(PROGRAMS).map(([part, programOf]) => {
    const free = freeBatch((batch) => programOf(model, batch));
    return { name: `${part}.onnx`, content: encodeOnnx(free, (name) => state.read(name), about) };
  });
}

/**
 * A file for each part of the model: encoder, decoder, and flow and likelihood where they have weights of their own.
 * Names are those inside the part, as the state_dict of its torch.nn.Sequential has them.
 */
function safetensorsFiles(exported: Exported): ExportedFile[] {
  const { model, state } = exported;
  const parts = new Map<string, NamedTensor[]>();
  for (const { name, shape } of state.parameters) {
    const [part, ...inside] = name.split('.');
    const tensors = parts.get(part) ?? [];
    parts.set(part, tensors);
    tensors.push({ name: inside.join('.'), shape, values: state.read(name) });
  }
  return [...parts].map(([part, tensors]) => {
    const layer = part === 'encoder' || part === 'decoder' ? model.vae[part] : undefined;
    const metadata = { format: 'pt', ...describeExport(exported), ...(layer && { pytorch: layer.pytorch }) };
    return { name: `${part}.safetensors`, content: encodeSafetensors({ tensors, metadata }) };
  });
}

function tfjsFiles(exported: Exported): ExportedFile[] {
  const { model, state, version } = exported;
  const metadata = describeExport(exported);
  return Object.entries(PROGRAMS).flatMap(([part, programOf]) => {
    const free = freeBatch((batch) => programOf(model, batch));
    const files = encodeTfjs(free, (name) => state.read(name), version, metadata);
    return files.map(({ name, content }) => ({ name: `${part}/${name}`, content }));
  });
}

/** Formats by name. */
export const exporters = {
  onnx: onnxFiles,
  safetensors: safetensorsFiles,
  tfjs: tfjsFiles,
} as const satisfies Record<string, (exported: Exported) => ExportedFile[]>;

export type ExportFormat = keyof typeof exporters;

/** Every file or folder that an export may make, whatever the model. */
export const slots: { readonly [F in ExportFormat]: readonly string[] } = {
  onnx: ['encoder.onnx', 'decoder.onnx'],
  safetensors: ['encoder.safetensors', 'decoder.safetensors', 'flow.safetensors', 'likelihood.safetensors'],
  tfjs: ['encoder', 'decoder'],
};
