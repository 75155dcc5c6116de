/**
 * A checkpoint: one file with weights, optimiser state, progress and resolved configuration, and nothing that changes
 * from one machine or hour to the next, so that equal runs give equal bytes.
 */

import { ConfigError, InputError } from '../base/errors.ts';
import { readFile, writeFile } from '../base/files.ts';
import type { ImageShape } from '../data/dataset.ts';
import type { State } from '../engines/engine.ts';
import { checkConfig } from '../settings/check.ts';
import { DEFAULTS, type RunConfig } from '../settings/table.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { type Progress, parseProgress } from './progress.ts';
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from './safetensors.ts';

export interface Checkpoint {
  readonly config: RunConfig;
  readonly imageShape: ImageShape;
  readonly progress: Progress;
  /** The fingerprint of the images that it was trained on. */
  readonly data: string;
  /** By the names of a PyTorch state_dict. */
  readonly parameters: readonly NamedTensor[];
  /** By moment, then as the parameters. */
  readonly moments: Readonly<Record<string, readonly NamedTensor[]>>;
}

/** Before the name of a moment and the parameter's name; what PyTorch's load_state_dict is not to be given. */
const MOMENT_PREFIX = 'optimizer.';
const FORMAT_VERSION = '1';

export function captureState(state: State): Pick<Checkpoint, 'parameters' | 'moments'> {
  const read = (moment?: string) =>
    state.parameters.map(({ name, shape }) => ({ name, shape, values: state.read(name, moment) }));
  return { parameters: read(), moments: Object.fromEntries(state.moments.map((moment) => [moment, read(moment)])) };
}

/**
 * Puts a checkpoint's weights, and the moments that the state has, into an engine's state. `name` is for messages.
 * @throws InputError if the checkpoint belongs to another network.
 */
export function restoreState(checkpoint: Checkpoint, state: State, name: string): void {
  const restore = (tensors: readonly NamedTensor[], moment?: string) => {
    const what = moment === undefined ? '' : `${moment} of `;
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    for (const { name: parameter, shape } of state.parameters) {
      const tensor = byName.get(parameter);
      byName.delete(parameter);
      if (tensor === undefined)
        throw new InputError(`${name}: has no ${what}"${parameter}"; it comes from a different network`);
      if (!sameShape(tensor.shape, shape)) {
        const [got, expected] = [formatShape(tensor.shape), formatShape(shape)];
        throw new InputError(
          `${name}: ${what}"${parameter}" is ${got}, expected ${expected}; it comes from a different network`,
        );
      }
      state.write(parameter, tensor.values, moment);
    }
    const [extra] = byName.keys();
    if (extra !== undefined)
      throw new InputError(`${name}: has an unknown tensor "${extra}"; it comes from a different network`);
  };
  restore(checkpoint.parameters);
  for (const moment of state.moments) restore(checkpoint.moments[moment] ?? [], moment);
}

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  const { config, imageShape, progress, data, parameters, moments } = checkpoint;
  const prefixed = Object.entries(moments).flatMap(([moment, tensors]) =>
    tensors.map((tensor) => ({ ...tensor, name: `${MOMENT_PREFIX}${moment}.${tensor.name}` })),
  );
  const metadata = {
    format: 'pt',
    vae: FORMAT_VERSION,
    config: JSON.stringify(config),
    imageShape: JSON.stringify(imageShape),
    progress: JSON.stringify(progress),
    data,
  };
  return encodeSafetensors({ tensors: [...parameters, ...prefixed], metadata });
}

export const writeCheckpoint = (file: string, checkpoint: Checkpoint): void =>
  writeFile(file, encodeCheckpoint(checkpoint));

/** @throws InputError if the file cannot be read, is damaged, or is no checkpoint of ours. */
export function readCheckpoint(file: string): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(readFile(file), file);
  if (metadata.vae === undefined) {
    throw new InputError(`${file}: a safetensors file, but not a checkpoint of vae: it has no configuration`);
  }
  if (metadata.vae !== FORMAT_VERSION) {
    throw new InputError(
      `${file}: its format is ${metadata.vae}, this program reads ${FORMAT_VERSION}; use a newer version`,
    );
  }
  const config = parseConfig(metadata.config, file);
  const imageShape = parseField(metadata.imageShape, 'imageShape', file) as unknown as ImageShape;
  if (
    !Array.isArray(imageShape) ||
    imageShape.length !== 3 ||
    imageShape.some((n) => !Number.isSafeInteger(n) || n < 1)
  ) {
    throw new InputError(`${file}: damaged: imageShape is not three sizes`);
  }
  const progress = progressOf(metadata.progress, file);
  const moments = new Map<string, NamedTensor[]>();
  for (const { name, ...rest } of tensors) {
    if (!name.startsWith(MOMENT_PREFIX)) continue;
    const [moment, ...parameter] = name.slice(MOMENT_PREFIX.length).split('.');
    const known = moments.get(moment) ?? [];
    moments.set(moment, [...known, { name: parameter.join('.'), ...rest }]);
  }
  const parameters = tensors.filter(({ name }) => !name.startsWith(MOMENT_PREFIX));
  const data = metadata.data ?? '';
  return { config, imageShape, progress, data, parameters, moments: Object.fromEntries(moments) };
}

function parseConfig(json: string | undefined, file: string): RunConfig {
  try {
    // Settings that are newer than the file are what they were before they could be set.
    return checkConfig({ ...DEFAULTS, ...parseField(json, 'config', file) });
  } catch (error) {
    // A wrong setting in a file is the file's fault, not the command line's.
    throw error instanceof ConfigError ? new InputError(`${file}: its configuration: ${error.message}`) : error;
  }
}

function progressOf(json: string | undefined, file: string): Progress {
  const progress = parseProgress(parseField(json, 'progress', file));
  if (progress === undefined) throw new InputError(`${file}: damaged: its progress makes no sense: ${json}`);
  return progress;
}

function parseField(json: string | undefined, field: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json ?? '');
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Fall through to the one message.
  }
  throw new InputError(`${file}: damaged: its ${field} cannot be read`);
}
