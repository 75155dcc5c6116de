/** The training loop: a generator of plain records. It knows no file, no terminal and no picture. */

import { ConfigError, InputError } from '../base/errors.ts';
import { type Dataset, fingerprint } from '../data/dataset.ts';
import type { Engine, Results, State } from '../engines/engine.ts';
import { type Bound, BoundEvaluator } from '../evaluation/bound.ts';
import { type EstimatorSpread, GradientProbe } from '../evaluation/gradient-variance.ts';
import { type Optimiser, optimisers } from '../nn/optimisers.ts';
import { specOf } from '../nn/parameter.ts';
import { learningRateAt } from '../nn/schedules.ts';
import { type BatchSource, batchSource } from '../programs/batches.ts';
import { type Run, runEach } from '../programs/calls.ts';
import { Executables } from '../programs/executables.ts';
import { initialValues } from '../programs/initial-values.ts';
import { betaArgument, type Model, trainingProgram } from '../programs/programs.ts';
import { permutation } from '../random/random.ts';
import {
  type Checkpoint,
  captureState,
  type EpochSums,
  type Progress,
  restoreState,
  START,
} from '../runs/checkpoint.ts';
import type { EpochRecord, StepRecord, TrainingRecord } from './records.ts';

/** What a run has come to, in a few words, and the setting that ended it. */
export interface Finish {
  readonly why: string;
  readonly limit: 'steps' | 'epochs' | 'patience';
}

/** An update that is to be made. */
interface Step {
  readonly epoch: number;
  /** Its number in the run, from 1. */
  readonly step: number;
  readonly positions: Int32Array;
}

/** What an epoch ends with. */
interface Measured {
  readonly test: Bound;
  readonly validation: Bound | undefined;
  readonly gradientVariance: EstimatorSpread | undefined;
}

/** The loss stopped being a number. */
export class DivergenceError extends InputError {}

export class Trainer {
  readonly state: State;
  private readonly engine: Engine;
  private readonly model: Model;
  private readonly dataset: Dataset;
  private readonly data: string;
  private readonly source: BatchSource;
  private readonly optimiser: Optimiser;
  private readonly executables: Executables;
  /** As far as results have been seen: the engine may be ahead of it. */
  private current: Progress = START;
  /** The last update that was handed to the engine. */
  private started = 0;
  private found: Progress['best'] = undefined;

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
    this.optimiser = optimisers[config.optimizer].create(config);
    this.state = engine.allocate(vae.parameters.map(specOf), this.optimiser.update.moments);
    for (const [name, values] of initialValues(model, dataset.train)) this.state.write(name, values);
    this.source = batchSource(dataset.train, vae.pixels);
    this.executables = new Executables((batch) =>
      engine.compile(trainingProgram(model, this.optimiser, batch, this.source), {
        state: this.state,
        data: this.source.data,
      }),
    );
  }

  get progress(): Progress {
    return this.current;
  }

  /** The best epoch so far, which may be one that the run's end has cut short. */
  get best(): Progress['best'] {
    return this.found;
  }

  get stepsPerEpoch(): number {
    return Math.ceil(this.dataset.train.count / this.model.config.batchSize);
  }

  /** Updates of the whole run. */
  get totalSteps(): number {
    const { steps, epochs } = this.model.config;
    return steps ?? epochs * this.stepsPerEpoch;
  }

  /** Why there is nothing more to train, or undefined while there is. */
  get finished(): Finish | undefined {
    const { epochs, steps, patience } = this.model.config;
    const { epoch, step, batch, best, measured } = this.current;
    if (steps !== undefined && step >= steps && (batch === 0 || measured === step))
      return { why: `${step} updates`, limit: 'steps' };
    if (steps === undefined && epoch >= epochs) return { why: `${epoch} epochs`, limit: 'epochs' };
    const waited = epoch - (best?.epoch ?? epoch);
    if (patience === 0 || waited < patience) return undefined;
    return { why: `${epoch} epochs, the last ${waited} of them without a better bound`, limit: 'patience' };
  }

  /**
   * Continues from a checkpoint. `name` is for messages.
   * @throws InputError if it was trained on other images, or belongs to another network.
   */
  restore(checkpoint: Checkpoint, name: string): void {
    if (checkpoint.data !== this.data) {
      throw new InputError(`${name}: the data has changed since: it was ${checkpoint.data}, and is ${this.data}`);
    }
    if (checkpoint.progress.batch > this.stepsPerEpoch) {
      const { batch } = checkpoint.progress;
      throw new InputError(`${name}: damaged: ${batch} batches done of an epoch of ${this.stepsPerEpoch}`);
    }
    restoreState(checkpoint, this.state, name);
    this.current = checkpoint.progress;
    this.started = this.current.step;
    this.found = checkpoint.progress.best;
  }

  /**
   * All that is needed to continue from here, bit for bit.
   * @throws Error if the state is not that of `progress`: while updates are under way, and after one has failed.
   */
  snapshot = (): Checkpoint => {
    if (this.started !== this.current.step) throw new Error('the trainer is not at rest: updates are under way');
    return {
      config: this.model.config,
      imageShape: this.model.vae.config.imageShape,
      progress: this.current,
      data: this.data,
      ...captureState(this.state),
    };
  };

  /**
   * Trains until the run is finished, with as many updates under way as the engine allows. The trainer is at rest at an
   * epoch's record, and once the loop has been left or has ended: then a consumer may take a snapshot. Updates that are
   * under way when it is left count, though nobody gets their records; `stopped` ends it with all of them.
   * @param stopped asked before every update and during the evaluation that ends an epoch; where it turns true, the
   *   generator ends with the records of the updates that were made. An epoch whose evaluation is cut short is not
   *   counted, and is evaluated when the run is resumed.
   * @throws DivergenceError if the loss is no longer a finite number.
   */
  async *run(stopped: () => boolean = () => false): AsyncGenerator<TrainingRecord, void, undefined> {
    const { train, validation, test } = this.dataset;
    const evaluatorFor = (set: typeof test) => new BoundEvaluator(this.engine, this.state, this.model, set);
    const evaluators = {
      test: evaluatorFor(test),
      validation: validation.count > 0 ? evaluatorFor(validation) : undefined,
    };
    const probe = this.model.config.gradientVariance
      ? new GradientProbe(this.engine, this.state, this.model, train)
      : undefined;
    try {
      while (this.finished === undefined) {
        const epoch = this.current.epoch + 1;
        yield* runEach(this.engine, this.stepsOf(epoch, stopped), this.prepare, this.count);
        if (stopped()) return;
        const testBound = await evaluators.test.measure(stopped);
        const validationBound = await evaluators.validation?.measure(stopped);
        if (testBound === undefined || (evaluators.validation !== undefined && validationBound === undefined)) return;
        const gradientVariance = await probe?.measure(epoch);
        yield this.finishEpoch(epoch, { test: testBound, validation: validationBound, gradientVariance });
      }
    } finally {
      await evaluators.test.release();
      await evaluators.validation?.release();
      await probe?.release();
    }
  }

  /** Frees the compiled programs. */
  release = (): Promise<void> => this.executables.release();

  private learningRate(step: number): number {
    const { config } = this.model;
    return learningRateAt(config.schedule, step, config, this);
  }

  /** What is still to be done of an epoch, until somebody stops it. */
  private *stepsOf(epoch: number, stopped: () => boolean): Generator<Step, void, undefined> {
    const { seed, batchSize } = this.model.config;
    const order = permutation(this.dataset.train.count, { seed, stream: 'shuffle', step: epoch });
    let { step, batch } = this.current;
    while (batch < this.stepsPerEpoch && step < this.totalSteps && !stopped()) {
      const start = batch++ * batchSize;
      yield { epoch, step: ++step, positions: order.subarray(start, start + batchSize) };
    }
  }

  private prepare = async ({ step, positions }: Step): Promise<Run> => {
    const { config } = this.model;
    const executable = await this.executables.of(positions.length);
    const call = {
      arguments: { ...this.source.at(positions), ...betaArgument(config, step) },
      noise: { seed: config.seed, step },
      coefficients: this.optimiser.coefficients(step, this.learningRate(step)),
    };
    this.started = step;
    return { executable, call };
  };

  /** Adds an update's results to the progress. */
  private count = (results: Results, { epoch, step, positions }: Step): StepRecord => {
    const loss = results.loss[0];
    const gradientNorm = results.gradientNorm?.[0];
    if (![loss, gradientNorm ?? 0].every(Number.isFinite)) {
      const [what, value] = Number.isFinite(loss) ? ["gradient's norm", gradientNorm] : ['loss', loss];
      throw this.divergence(`the ${what} became ${value} at step ${step}`);
    }
    const { measured: _, ...before } = this.current;
    const { sums } = before;
    const add = (sum: number, mean: number) => sum + mean * positions.length;
    const next: EpochSums = {
      images: sums.images + positions.length,
      loss: add(sums.loss, loss),
      bound: add(sums.bound, results.bound[0]),
      logLikelihood: add(sums.logLikelihood, results.logLikelihood[0]),
      kl: add(sums.kl, results.kl[0]),
      gradientNorm: add(sums.gradientNorm, gradientNorm ?? 0),
    };
    this.current = { ...before, step, batch: before.batch + 1, sums: next };
    return {
      kind: 'step',
      epoch,
      step,
      stepsPerEpoch: this.stepsPerEpoch,
      images: next.images,
      imagesInEpoch: this.dataset.train.count,
      bound: next.bound / next.images,
      loss,
      learningRate: this.learningRate(step),
      ...(gradientNorm !== undefined && { gradientNorm }),
    };
  };

  private divergence(what: string): DivergenceError {
    const { learningRate, clip, scale, posterior } = this.model.config;
    const where = `epoch ${this.current.epoch + 1}`;
    if (this.current.step === 0) {
      return new DivergenceError(
        `${what} (${where}), before anything was learnt; look at --stddev, --beta and --free-bits`,
      );
    }
    const others = [
      ...(clip > 0 ? [] : ['--clip 10']),
      ...(scale === 'softplus' || posterior === 'point' ? [] : ['--scale softplus']),
    ];
    const remedy = others.length === 0 ? '' : `, or use ${others.join(' or ')}`;
    return new DivergenceError(`${what} (${where}); lower --learning-rate (now ${learningRate})${remedy}`);
  }

  private finishEpoch(epoch: number, { test, validation, gradientVariance }: Measured): EpochRecord {
    const { config } = this.model;
    const { sums, step, best, batch } = this.current;
    const mean = (sum: number): number => sum / sums.images;
    const train = {
      loss: mean(sums.loss),
      bound: mean(sums.bound),
      logLikelihood: mean(sums.logLikelihood),
      kl: mean(sums.kl),
      ...((config.clip > 0 || config.gradientNorm) && { gradientNorm: mean(sums.gradientNorm) }),
    };
    const { bound } = validation ?? test;
    if (![test.bound, bound].every(Number.isFinite)) throw this.divergence('the bound is no longer a number');
    // A run of so many steps may end inside an epoch, which then stays open: with more steps it goes on as if it had
    // never been measured. So it may be the best only where there is no other, which a whole epoch will replace.
    const whole = batch === this.stepsPerEpoch;
    const improved = best === undefined || (whole && bound > best.bound);
    this.found = improved ? { epoch, bound } : best;
    const { best: _, ...open } = this.current;
    const kept = best === undefined ? {} : { best };
    this.current = whole ? { ...START, step, epoch, best: this.found } : { ...open, measured: step, ...kept };
    return {
      kind: 'epoch',
      epoch,
      step,
      learningRate: this.learningRate(step),
      train,
      ...(validation && { validation }),
      test,
      ...(gradientVariance && { gradientVariance }),
      best: improved,
    };
  }
}
