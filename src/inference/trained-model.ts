/** A trained model ready for use: encoding images, decoding latents, reconstructing. */

import { batches, type ImageSet, pixelsAt } from '../data/dataset.ts';
import type { Engine, Results, State } from '../engines/engine.ts';
import { specOf } from '../nn/parameter.ts';
import { all, callEach, type PreparedCall } from '../programs/calls.ts';
import { Executables } from '../programs/executables.ts';
import {
  decodeProgram,
  encodeProgram,
  type Model,
  priorProgram,
  reconstructionProgram,
  rowsOf,
} from '../programs/programs.ts';
import { fillNoise } from '../random/random.ts';
import { type Checkpoint, restoreUsed } from '../runs/checkpoint.ts';

/** Noise that draws from a prior are made of: standard normal values. */
export function priorNoise(size: number, seed: number): Float32Array {
  const noise = new Float32Array(size);
  fillNoise(noise, { kind: 'standardNormal' }, { seed, stream: 'prior', step: 0 });
  return noise;
}

/** Rows of noise, each layer of a row multiplied by its temperature; the last one counts for all layers below it. */
export function tempered(noise: Float32Array, layers: readonly number[], temperatures: readonly number[]) {
  const factors = layers.flatMap((size, i) => Array<number>(size).fill(temperatures[i] ?? temperatures.at(-1) ?? 1));
  return noise.map((value, i) => value * factors[i % factors.length]);
}

/** Values of the images of one run of a program, and images of it at most. */
const BATCH_VALUES = 1024 * 784;
const LARGEST_BATCH = 1024;

/** The latent codes of images: [count, L] each. */
export interface Encoding {
  /** The centre of q(z|x). */
  readonly mean: Float32Array;
  /** Of a normal q(z|x); none of a flow's, or of a plain autoencoder. */
  readonly stddev?: Float32Array;
  /** KL of each latent, in nats; none of a flow, which mixes them, or of a plain autoencoder. */
  readonly kl?: Float32Array;
}

export interface Reconstruction {
  /** As the model saw them, [count, D] in [0, 1]. */
  readonly originals: Float32Array;
  /** Decoded at the mean of q(z|x), [count, D] in [0, 1]. */
  readonly pictures: Float32Array;
  /** Per image, in nats. */
  readonly bound: Float32Array;
  readonly logLikelihood: Float32Array;
  readonly kl: Float32Array;
}

/** A model over an engine's state: of a checkpoint, or of a trainer at rest. */
export class TrainedModel {
  readonly model: Model;
  private readonly engine: Engine;
  private readonly batch: number;
  private readonly encoders: Executables;
  private readonly decoders: Executables;
  private readonly priors: Executables;
  private readonly autoencoders: Executables<`${number} ${number}`>;

  constructor(engine: Engine, model: Model, state: State) {
    this.model = model;
    this.engine = engine;
    this.batch = Math.min(LARGEST_BATCH, rowsOf(model, BATCH_VALUES));
    const bindings = { state, data: {} };
    this.encoders = new Executables((batch) => engine.compile(encodeProgram(model, batch), bindings));
    this.decoders = new Executables((batch) => engine.compile(decodeProgram(model, batch), bindings));
    this.priors = new Executables((batch) => engine.compile(priorProgram(model, batch), bindings));
    this.autoencoders = new Executables((shape) => {
      const [batch, samples] = shape.split(' ').map(Number);
      return engine.compile(reconstructionProgram(model, batch, samples), bindings);
    });
  }

  /** Images to q(z|x), batch by batch; grey pixels of a model of binarised ones are drawn by its run's seed. */
  async encode(set: ImageSet): Promise<Encoding> {
    const { seed } = this.model.config;
    const latent = this.model.vae.latents;
    const encoding: Record<string, Float32Array> = {};
    const prepare = async (positions: Int32Array): Promise<PreparedCall> => ({
      executable: await this.encoders.of(positions.length),
      call: { arguments: { pixels: pixelsAt(set, positions) }, noise: { seed, step: positions[0] } },
    });
    const keep = (results: Results, [start]: Int32Array): void => {
      for (const [name, values] of Object.entries(results)) {
        encoding[name] ??= new Float32Array(set.count * latent);
        encoding[name].set(values, start * latent);
      }
    };
    await all(callEach(this.engine, batches(set.count, this.batch), prepare, keep));
    return encoding as unknown as Encoding;
  }

  /** `count` draws from the prior, [count, L], with a temperature for each layer; the same seed gives the same ones. */
  draw(count: number, seed: number, temperatures: readonly number[] = []): Promise<Float32Array> {
    const { prior, layers } = this.model.vae;
    const { noiseSize } = prior;
    const noise = { noise: tempered(priorNoise(count * noiseSize, seed), layers, temperatures) };
    return this.mapRows(this.priors, noise, noiseSize, this.model.vae.latents);
  }

  /** Latents [count, L] to pictures in [0, 1], [count, D]. */
  decode = (latents: Float32Array): Promise<Float32Array> =>
    this.mapRows(this.decoders, { latents }, this.model.vae.latents, this.model.vae.pixels);

  /** Runs a program of one argument and one output on rows of `width` values, batch by batch; its results have `size`. */
  private async mapRows(
    programs: Executables,
    given: Readonly<Record<string, Float32Array>>,
    width: number,
    size: number,
  ): Promise<Float32Array> {
    const [[name, values]] = Object.entries(given);
    const count = values.length / width;
    const out = new Float32Array(count * size);
    const prepare = async ({ length, 0: start }: Int32Array): Promise<PreparedCall> => ({
      executable: await programs.of(length),
      call: { arguments: { [name]: values.subarray(start * width, (start + length) * width) } },
    });
    const keep = (results: Results, [start]: Int32Array): void => {
      for (const rows of Object.values(results)) out.set(rows, start * size);
    };
    await all(callEach(this.engine, batches(count, this.batch), prepare, keep));
    return out;
  }

  /** Images [count, D], 0 to 255, there and back; the bound is averaged over `samples` draws of z. */
  async reconstruct(pixels: Uint8Array, samples: number, seed: number): Promise<Reconstruction> {
    const { executable, call } = await this.reconstruction(pixels, samples, seed);
    const results = await executable.run(call);
    // Copied: the results belong to the executable's next run.
    const copies = Object.entries(results).map(([name, values]) => [name, values.slice()]);
    return Object.fromEntries(copies) as unknown as Reconstruction;
  }

  /** Mean over a set's images and their values in [0, 1] of (image − what is decoded at the centre of its posterior)². */
  async squaredError(set: ImageSet): Promise<number> {
    const { seed } = this.model.config;
    let sum = 0;
    const prepare = (positions: Int32Array) => this.reconstruction(pixelsAt(set, positions), 1, seed);
    const add = ({ originals, pictures }: Results): void => {
      for (let i = 0; i < originals.length; i++) sum += (originals[i] - pictures[i]) ** 2;
    };
    await all(callEach(this.engine, batches(set.count, this.batch), prepare, add));
    return sum / (set.count * this.model.vae.pixels);
  }

  private async reconstruction(pixels: Uint8Array, samples: number, seed: number): Promise<PreparedCall> {
    const count = pixels.length / this.model.vae.pixels;
    const executable = await this.autoencoders.of(`${count} ${samples}`);
    return { executable, call: { arguments: { pixels }, noise: { seed, step: 0 } } };
  }

  async release(): Promise<void> {
    await this.encoders.release();
    await this.decoders.release();
    await this.priors.release();
    await this.autoencoders.release();
  }
}

/**
 * An engine's state with the weights that a checkpoint's model is used with. `name` is for messages.
 * @throws InputError if the weights do not fit the checkpoint's own configuration.
 */
export function loadState(engine: Engine, model: Model, checkpoint: Checkpoint, name: string): State {
  const state = engine.allocate(model.vae.parameters.map(specOf), []);
  restoreUsed(checkpoint, state, name);
  return state;
}
