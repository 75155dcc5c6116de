/**
 * A checkpoint: one file with weights, optimiser state, progress and resolved configuration, and nothing that changes
 * from one machine or hour to the next, so that equal runs give equal bytes.
 */

import { createHash } from 'node:crypto';
import { ConfigError, InputError } from '../base/errors.ts';
import { readFile, writeFile } from '../base/files.ts';
import { allFinite } from '../base/finite.ts';
import type { ImageShape } from '../data/dataset.ts';
import type { State } from '../engines/engine.ts';
import { AVERAGE } from '../nn/averaging.ts';
import { checkConfig } from '../settings/check.ts';
import { DEFAULTS, type RunConfig } from '../settings/table.ts';
import { formatShape, sameShape, sizeOf } from '../tensor/shape.ts';
import { networks } from '../vae/networks/index.ts';
import type { NetworkRow } from '../vae/networks/network.ts';
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
/** Version 1 is the same without a checksum. */
const FORMAT_VERSION = '2';
const VERSIONS: readonly (string | undefined)[] = ['1', FORMAT_VERSION];

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
  for (const moment of [undefined, ...state.moments]) restoreTensors(checkpoint, state, name, moment, moment);
}

/**
 * Puts the weights that a checkpoint's model is used with into an engine's state: their average, where the run keeps one.
 * `name` is for messages.
 * @throws InputError if the checkpoint belongs to another network.
 */
export const restoreUsed = (checkpoint: Checkpoint, state: State, name: string): void =>
  restoreTensors(checkpoint, state, name, usedMoment(checkpoint));

/** The moment that stands for the weights wherever the model is used; none where they stand for themselves. */
export const usedMoment = ({ config, progress }: Pick<Checkpoint, 'config' | 'progress'>): string | undefined =>
  config.ema > 0 && progress.step > 0 ? AVERAGE : undefined;

/** Puts the checkpoint's moment `from` into the state's moment `to`; where one is not given, it is the weights. */
function restoreTensors(
  { parameters, moments }: Checkpoint,
  state: State,
  name: string,
  from?: string,
  to?: string,
): void {
  const what = from === undefined ? '' : `${from} of `;
  const tensors = from === undefined ? parameters : (moments[from] ?? []);
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
    state.write(parameter, tensor.values, to);
  }
  const [extra] = byName.keys();
  if (extra !== undefined)
    throw new InputError(`${name}: has an unknown tensor "${extra}"; it comes from a different network`);
}

/** @throws InputError if a value is not finite: nothing could go on from there. */
export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  const { config, imageShape, progress, data, parameters, moments } = checkpoint;
  const prefixed = Object.entries(moments).flatMap(([moment, tensors]) =>
    tensors.map((tensor) => ({ ...tensor, name: `${MOMENT_PREFIX}${moment}.${tensor.name}` })),
  );
  const tensors = [...parameters, ...prefixed];
  const spoilt = firstNotFinite(tensors);
  if (spoilt !== undefined) throw new InputError(`after ${progress.step} updates "${spoilt}" is no longer finite`);
  const metadata = {
    format: 'pt',
    vae: FORMAT_VERSION,
    checksum: NO_CHECKSUM,
    config: JSON.stringify(config),
    imageShape: JSON.stringify(imageShape),
    progress: JSON.stringify(progress),
    data,
  };
  return sealed(encodeSafetensors({ tensors, metadata }));
}

const firstNotFinite = (tensors: readonly NamedTensor[]): string | undefined =>
  tensors.find(({ values }) => !allFinite(values))?.name;

/** What stands for the checksum while it is taken: the SHA-256 of all bytes of the file. */
const NO_CHECKSUM = '0'.repeat(64);
const checksumField = (hex: string): string => `"checksum":"${hex}"`;

/** A hash takes no more bytes at once than 2 GiB. */
const MOST_HASHED = 2 ** 30;

/** The SHA-256 of all these bytes, in hexadecimal. */
function hashOf(...parts: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    for (let at = 0; at < part.length; at += MOST_HASHED) hash.update(part.subarray(at, at + MOST_HASHED));
  }
  return hash.digest('hex');
}

/** Puts the checksum into its place, which is before all that a user has named. */
function sealed(bytes: Buffer): Buffer {
  const place = bytes.indexOf(checksumField(NO_CHECKSUM));
  bytes.write(checksumField(hashOf(bytes)), place);
  return bytes;
}

/** Whether the bytes are those that were sealed. */
function isIntact(bytes: Buffer, checksum: string): boolean {
  const place = bytes.indexOf(checksumField(checksum));
  if (place < 0) return false;
  const behind = bytes.subarray(place + checksumField(checksum).length);
  return hashOf(bytes.subarray(0, place), Buffer.from(checksumField(NO_CHECKSUM)), behind) === checksum;
}

export const writeCheckpoint = (file: string, checkpoint: Checkpoint): void =>
  writeFile(file, encodeCheckpoint(checkpoint));

/** @throws InputError if the file cannot be read, is damaged, or is no checkpoint of ours. */
export function readCheckpoint(file: string): Checkpoint {
  const bytes = readFile(file);
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  if (metadata.vae === undefined) {
    throw new InputError(`${file}: a safetensors file, but not a checkpoint of vae: it has no configuration`);
  }
  if (!VERSIONS.includes(metadata.vae)) {
    throw new InputError(
      `${file}: its format is ${metadata.vae}, this program reads ${FORMAT_VERSION}; use a newer version`,
    );
  }
  const spoilt = firstNotFinite(tensors);
  if (spoilt !== undefined) {
    throw new InputError(`${file}: its tensor "${spoilt}" is not finite; use another checkpoint of the run`);
  }
  const { vae: version, checksum = '' } = metadata;
  // A checksum whose own name is damaged is missing, which is right in version 1 alone.
  if ((version !== '1' || checksum !== '') && !isIntact(bytes, checksum)) {
    throw new InputError(`${file}: damaged: its checksum is wrong; use another checkpoint of the run`);
  }
  const config = parseConfig(metadata.config, file);
  const imageShape = imageShapeOf(metadata.imageShape, file);
  const progress = progressOf(metadata.progress, file);
  const moments = new Map<string, NamedTensor[]>();
  for (const { name, ...rest } of tensors) {
    if (!name.startsWith(MOMENT_PREFIX)) continue;
    const [moment, ...parameter] = name.slice(MOMENT_PREFIX.length).split('.');
    const known = moments.get(moment) ?? [];
    known.push({ name: parameter.join('.'), ...rest });
    moments.set(moment, known);
  }
  const parameters = tensors.filter(({ name }) => !name.startsWith(MOMENT_PREFIX));
  const data = metadata.data ?? '';
  return { config, imageShape, progress, data, parameters, moments: Object.fromEntries(moments) };
}

function parseConfig(json: string | undefined, file: string): RunConfig {
  try {
    const written = parseField(json, 'config', file);
    // Settings that are newer than the file are what they were before they could be set.
    return checkConfig({ ...DEFAULTS, ...written, ...unreadThen(written) });
  } catch (error) {
    // A wrong setting in a file is the file's fault, not the command line's.
    throw error instanceof ConfigError ? new InputError(`${file}: its configuration: ${error.message}`) : error;
  }
}

/**
 * What a file holds that its network did not read when it was written, but reads today: before there were layers of
 * latents, `blocks` was for residual networks alone.
 */
function unreadThen({ model, layers }: Readonly<Record<string, unknown>>): Partial<RunConfig> {
  const known: Readonly<Record<string, Pick<NetworkRow, 'defaults'>>> = networks;
  const blocks = layers === undefined ? known[String(model)]?.defaults.blocks : undefined;
  return blocks === undefined ? {} : { blocks };
}

/** No image that this program reads has more values. */
const MOST_VALUES = 2 ** 30;

function imageShapeOf(json: string | undefined, file: string): ImageShape {
  const sizes: unknown = parseField(json, 'imageShape', file);
  const isShape = Array.isArray(sizes) && sizes.length === 3 && sizes.every((n) => Number.isSafeInteger(n) && n >= 1);
  if (!isShape || sizeOf(sizes) > MOST_VALUES) throw new InputError(`${file}: damaged: its imageShape makes no sense`);
  return sizes as unknown as ImageShape;
}

function progressOf(json: string | undefined, file: string): Progress {
  const progress = parseProgress(parseField(json, 'progress', file));
  if (progress === undefined)
    throw new InputError(`${file}: damaged: its progress makes no sense: ${json?.slice(0, 200)}`);
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
