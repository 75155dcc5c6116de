/** A trained model ready for use: encoding images, decoding latents, reconstructing. */

import { batches, type ImageSet, pixelsAt } from '../data/dataset.ts';
import type { Engine, State } from '../engines/engine.ts';
import { specOf } from '../nn/parameter.ts';
import { fillNoise } from '../random.ts';
import { type Checkpoint, restoreState } from './checkpoint.ts';
import { rowsOf } from './evaluation.ts';
import { Executables } from './executables.ts';
import { decodeProgram, encodeProgram, type Model, reconstructionProgram } from './programs.ts';

/** `count` draws from the prior, [count, L], scaled by `temperature`. */
export function drawLatents(count: number, latent: number, seed: number, temperature = 1): Float32Array {
  const latents = new Float32Array(count * latent);
  fillNoise(latents, { kind: 'standardNormal' }, { seed, stream: 'prior', step: 0 });
  return latents.map((value) => value * temperature);
}

/** Values of the images of one run of a program, and images of it at most. */
const BATCH_VALUES = 1024 * 784;
const LARGEST_BATCH = 1024;

/** Where images lie in latent space: [count, L] each. */
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

/** A model over an engine's state: of a checkpoint, or of a trainer between its steps. */
export class TrainedModel {
  readonly model: Model;
  private readonly batch: number;
  private readonly encoders: Executables;
  private readonly decoders: Executables;
  private readonly autoencoders: Executables<`${number} ${number}`>;

  constructor(engine: Engine, model: Model, state: State) {
    this.model = model;
    this.batch = Math.min(LARGEST_BATCH, rowsOf(model, BATCH_VALUES));
    const bindings = { state, data: {} };
    this.encoders = new Executables((batch) => engine.compile(encodeProgram(model, batch), bindings));
    this.decoders = new Executables((batch) => engine.compile(decodeProgram(model, batch), bindings));
    this.autoencoders = new Executables((shape) => {
      const [batch, samples] = shape.split(' ').map(Number);
      return engine.compile(reconstructionProgram(model, batch, samples), bindings);
    });
  }

  /** Images to q(z|x), batch by batch; grey pixels of a model of binarised ones are drawn by its run's seed. */
  async encode(set: ImageSet): Promise<Encoding> {
    const { latent, seed } = this.model.config;
    const encoding: Record<string, Float32Array> = {};
    for (const positions of batches(set.count, this.batch)) {
      const [start] = positions;
      const executable = await this.encoders.of(positions.length);
      const pixels = pixelsAt(set, positions);
      const results = await executable.run({ arguments: { pixels }, noise: { seed, step: start } });
      for (const [name, values] of Object.entries(results)) {
        encoding[name] ??= new Float32Array(set.count * latent);
        encoding[name].set(values, start * latent);
      }
    }
    return encoding as unknown as Encoding;
  }

  /** Latents [count, L] to pictures in [0, 1], [count, D]. */
  async decode(latents: Float32Array): Promise<Float32Array> {
    const { latent } = this.model.config;
    const { pixels } = this.model.vae;
    const count = latents.length / latent;
    const pictures = new Float32Array(count * pixels);
    for (let start = 0; start < count; start += this.batch) {
      const batch = Math.min(this.batch, count - start);
      const executable = await this.decoders.of(batch);
      const part = latents.subarray(start * latent, (start + batch) * latent);
      const results = await executable.run({ arguments: { latents: part } });
      pictures.set(results.pictures, start * pixels);
    }
    return pictures;
  }

  /** Images [count, D], 0 to 255, there and back; the bound is averaged over `samples` draws of z. */
  async reconstruct(pixels: Uint8Array, samples: number, seed: number): Promise<Reconstruction> {
    const count = pixels.length / this.model.vae.pixels;
    const executable = await this.autoencoders.of(`${count} ${samples}`);
    const results = await executable.run({ arguments: { pixels }, noise: { seed, step: 0 } });
    // Copied: the results belong to the executable's next run.
    const copies = Object.entries(results).map(([name, values]) => [name, values.slice()]);
    return Object.fromEntries(copies) as unknown as Reconstruction;
  }

  /** Mean over a set's images and their values in [0, 1] of (image − what is decoded at the centre of its posterior)². */
  async squaredError(set: ImageSet): Promise<number> {
    const { seed } = this.model.config;
    let sum = 0;
    for (const positions of batches(set.count, this.batch)) {
      const { originals, pictures } = await this.reconstruct(pixelsAt(set, positions), 1, seed);
      for (let i = 0; i < originals.length; i++) sum += (originals[i] - pictures[i]) ** 2;
    }
    return sum / (set.count * this.model.vae.pixels);
  }

  async release(): Promise<void> {
    await this.encoders.release();
    await this.decoders.release();
    await this.autoencoders.release();
  }
}

/**
 * An engine's state with a checkpoint's weights. `name` is for messages.
 * @throws InputError if the weights do not fit the checkpoint's own configuration.
 */
export function loadState(engine: Engine, model: Model, checkpoint: Checkpoint, name: string): State {
  const state = engine.allocate(model.vae.parameters.map(specOf), []);
  restoreState(checkpoint, state, name);
  return state;
}
