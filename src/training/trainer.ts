/** The training loop: a generator of plain records. It knows no file, no terminal and no picture. */

import { type Dataset, fingerprint, residentImages } from '../data/dataset.ts';
import type { Engine, State } from '../engines/engine.ts';
import { ConfigError, InputError } from '../errors.ts';
import { type Optimiser, optimisers } from '../nn/optimisers.ts';
import { specOf } from '../nn/parameter.ts';
import { permutation } from '../random.ts';
import { type Checkpoint, captureState, type EpochSums, type Progress, restoreState, START } from './checkpoint.ts';
import { type Bound, BoundEvaluator } from './evaluation.ts';
import { Executables } from './executables.ts';
import { type Model, trainingProgram } from './programs.ts';

/** After every update. */
export interface StepRecord {
  readonly kind: 'step';
  readonly epoch: number;
  /** Images of this epoch so far, and in all. */
  readonly images: number;
  readonly imagesInEpoch: number;
  /** Mean over this epoch's images so far, in nats, at β = 1. */
  readonly bound: number;
}

/** After every epoch. */
export interface EpochRecord {
  readonly kind: 'epoch';
  readonly epoch: number;
  readonly step: number;
  /** Means over the epoch's batches as they were trained on: with dropout, and with the weights of the moment. */
  readonly train: Bound & { readonly loss: number };
  readonly validation?: Bound;
  readonly test: Bound;
  /** Whether this is the best epoch so far on the images that the run selects by. */
  readonly best: boolean;
}

export type TrainingRecord = StepRecord | EpochRecord;

/** The loss stopped being a number. */
export class DivergenceError extends InputError {}

export class Trainer {
  readonly state: State;
  private readonly engine: Engine;
  private readonly model: Model;
  private readonly dataset: Dataset;
  private readonly data: string;
  private readonly optimiser: Optimiser;
  private readonly executables: Executables;
  private current: Progress = START;

  /** @throws ConfigError if a batch is larger than the training set. */
  constructor(engine: Engine, model: Model, dataset: Dataset) {
    const { config, vae } = model;
    if (config.batchSize > dataset.train.count) {
      throw new ConfigError(
        `--batch-size ${config.batchSize}: larger than the ${dataset.train.count} training images; use a smaller one`,
      );
    }
    this.engine = engine;
    this.model = model;
    this.dataset = dataset;
    this.data = fingerprint(dataset);
    this.optimiser = optimisers[config.optimizer]({ weightDecay: config.weightDecay });
    this.state = engine.allocate(vae.parameters.map(specOf), this.optimiser.update.moments);
    for (const { name, initialise } of vae.parameters) this.state.write(name, initialise(config.seed));
    const images = residentImages(dataset.train);
    const { count } = dataset.train;
    this.executables = new Executables((batch) =>
      engine.compile(trainingProgram(model, this.optimiser, batch, count), { state: this.state, data: { images } }),
    );
  }

  get progress(): Progress {
    return this.current;
  }

  /**
   * Continues from a checkpoint. `name` is for messages.
   * @throws InputError if it was trained on other images, or belongs to another network.
   */
  restore(checkpoint: Checkpoint, name: string): void {
    if (checkpoint.data !== this.data) {
      throw new InputError(`${name}: the data has changed since: it was ${checkpoint.data}, and is ${this.data}`);
    }
    const batches = Math.ceil(this.dataset.train.count / this.model.config.batchSize);
    if (checkpoint.progress.batch > batches) {
      throw new InputError(`${name}: damaged: ${checkpoint.progress.batch} batches done of an epoch of ${batches}`);
    }
    restoreState(checkpoint, this.state, name);
    this.current = checkpoint.progress;
  }

  /** All that is needed to continue from here, bit for bit. */
  snapshot = (): Checkpoint => ({
    config: this.model.config,
    imageShape: this.model.vae.config.imageShape,
    progress: this.current,
    data: this.data,
    ...captureState(this.state),
  });

  /**
   * Trains to the configured number of epochs. Between records the trainer is at rest, so a consumer may take a
   * snapshot, and may stop by leaving the loop.
   * @param stopped asked during the evaluation that ends an epoch; where it turns true the generator ends before the
   *   epoch is counted, and its evaluation is made when the run is resumed.
   * @throws DivergenceError if the loss is no longer a finite number.
   */
  async *run(stopped: () => boolean = () => false): AsyncGenerator<TrainingRecord, void, undefined> {
    const { config } = this.model;
    const { train, validation, test } = this.dataset;
    const evaluatorFor = (set: typeof test) => new BoundEvaluator(this.engine, this.state, this.model, set);
    const evaluators = {
      test: evaluatorFor(test),
      validation: validation.count > 0 ? evaluatorFor(validation) : undefined,
    };
    try {
      while (this.current.epoch < config.epochs) {
        const epoch = this.current.epoch + 1;
        const order = permutation(train.count, { seed: config.seed, stream: 'shuffle', step: epoch });
        for (let start = this.current.batch * config.batchSize; start < train.count; start += config.batchSize) {
          await this.step(order.subarray(start, start + config.batchSize));
          const { images, logLikelihood, kl } = this.current.sums;
          const bound = (logLikelihood - kl) / images;
          yield { kind: 'step', epoch, images, imagesInEpoch: train.count, bound };
        }
        const testBound = await evaluators.test.measure(stopped);
        const validationBound = await evaluators.validation?.measure(stopped);
        if (testBound === undefined || (evaluators.validation !== undefined && validationBound === undefined)) return;
        yield this.finishEpoch(epoch, testBound, validationBound);
      }
    } finally {
      await evaluators.test.release();
      await evaluators.validation?.release();
    }
  }

  /** Frees the compiled programs. */
  release = (): Promise<void> => this.executables.release();

  private async step(indices: Int32Array): Promise<void> {
    const { config } = this.model;
    const executable = await this.executables.of(indices.length);
    const step = this.current.step + 1;
    const results = await executable.run({
      arguments: { indices },
      noise: { seed: config.seed, step },
      coefficients: this.optimiser.coefficients(step, config.learningRate),
    });
    const [loss, logLikelihood, kl] = [results.loss[0], results.logLikelihood[0], results.kl[0]];
    if (!Number.isFinite(loss)) throw this.divergence(`the loss became ${loss} at step ${step}`);
    const add = (sum: number, mean: number) => sum + mean * indices.length;
    const { sums } = this.current;
    const next: EpochSums = {
      images: sums.images + indices.length,
      loss: add(sums.loss, loss),
      logLikelihood: add(sums.logLikelihood, logLikelihood),
      kl: add(sums.kl, kl),
    };
    this.current = { ...this.current, step, batch: this.current.batch + 1, sums: next };
  }

  private divergence(what: string): DivergenceError {
    const { learningRate } = this.model.config;
    const where = `epoch ${this.current.epoch + 1}`;
    return new DivergenceError(
      `${what} (${where}); lower --learning-rate (now ${learningRate}), or use --scale softplus`,
    );
  }

  private finishEpoch(epoch: number, test: Bound, validation: Bound | undefined): EpochRecord {
    const { sums, step, best } = this.current;
    const [logLikelihood, kl] = [sums.logLikelihood / sums.images, sums.kl / sums.images];
    const train = { loss: sums.loss / sums.images, bound: logLikelihood - kl, logLikelihood, kl };
    const { bound } = validation ?? test;
    if (![test.bound, bound].every(Number.isFinite)) throw this.divergence('the bound is no longer a number');
    const improved = best === undefined || bound > best.bound;
    this.current = { ...START, step, epoch, best: improved ? { epoch, bound } : best };
    return { kind: 'epoch', epoch, step, train, ...(validation && { validation }), test, best: improved };
  }
}
