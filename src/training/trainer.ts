/** The training loop: a generator of plain records. It knows no file, no terminal and no picture. */

import { InputError } from '../base/errors.ts';
import { type Dataset, fingerprint } from '../data/dataset.ts';
import type { Engine, Results, State } from '../engines/engine.ts';
import { type Bound, BoundEvaluator } from '../evaluation/bound.ts';
import { type EstimatorSpread, GradientProbe } from '../evaluation/gradient-variance.ts';
import { specOf } from '../nn/parameter.ts';
import { callEach, type PreparedCall } from '../programs/calls.ts';
import type { Model } from '../programs/programs.ts';
import { type Checkpoint, captureState, restoreState, usedMoment } from '../runs/checkpoint.ts';
import { addUpdate, endEpoch, type Finish, finished, meansOf, type Progress, START } from '../runs/progress.ts';
import { checkBatch } from '../settings/check.ts';
import { diagnose, type Failure } from './diagnosis.ts';
import { type DivergenceError, divergenceError } from './divergence.ts';
import type { EpochRecord, StepRecord, TrainingRecord } from './records.ts';
import { type Step, Updates } from './updates.ts';

/** What an epoch ends with. */
interface Measured {
  readonly test: Bound;
  readonly validation: Bound | undefined;
  readonly gradientVariance: EstimatorSpread | undefined;
}

/** The run cannot go on. It becomes a DivergenceError once the cause has been looked for. */
class NotFinite extends Error {
  readonly failure: Failure;

  constructor(message: string, failure: Failure) {
    super(message);
    this.failure = failure;
  }
}

export class Trainer {
  /**
   * What the model is measured and shown with when the trainer is at rest: the averages of the weights as they were at
   * the last epoch's end, or `state` itself where the run keeps none.
   */
  readonly evaluated: State;
  private readonly engine: Engine;
  private readonly model: Model;
  private readonly dataset: Dataset;
  private readonly data: string;
  private readonly updates: Updates;
  /** As far as results have been seen: the engine may be ahead of it. */
  private current: Progress = START;
  /** The last step that was handed to the engine. */
  private started = 0;
  private found: Progress['best'] = undefined;
  /** The state that was last seen outside, from which the steps since can be made again; at first that of the seed. */
  private kept: Checkpoint | undefined;

  /** @throws ConfigError if a batch is larger than the training set. */
  constructor(engine: Engine, model: Model, dataset: Dataset) {
    checkBatch(model.config, dataset.train.count);
    this.engine = engine;
    this.model = model;
    this.dataset = dataset;
    this.data = fingerprint(dataset);
    this.updates = new Updates(engine, model, dataset);
    this.evaluated = model.config.ema > 0 ? engine.allocate(model.vae.parameters.map(specOf), []) : this.state;
    this.fillEvaluated();
  }

  get state(): State {
    return this.updates.state;
  }

  get progress(): Progress {
    return this.current;
  }

  /** The best epoch so far, which may be one that the run's end has cut short. */
  get best(): Progress['best'] {
    return this.found;
  }

  get stepsPerEpoch(): number {
    return this.updates.stepsPerEpoch;
  }

  /** Updates of the whole run. */
  get totalSteps(): number {
    return this.updates.totalSteps;
  }

  /** Why there is nothing more to train, or undefined while there is. */
  get finished(): Finish | undefined {
    return finished(this.current, this.model.config);
  }

  /**
   * Continues from a checkpoint. `name` is for messages.
   * @throws InputError if it was trained on other images, or belongs to another network.
   */
  restore(checkpoint: Checkpoint, name: string): void {
    if (checkpoint.data !== this.data) {
      throw new InputError(`${name}: the data has changed since: it was ${checkpoint.data}, and is ${this.data}`);
    }
    const { epoch, batch, step } = checkpoint.progress;
    if (batch > this.stepsPerEpoch || step !== epoch * this.stepsPerEpoch + batch) {
      throw new InputError(
        `${name}: damaged: ${step} updates are not ${epoch} epochs of ${this.stepsPerEpoch} and ${batch} more`,
      );
    }
    restoreState(checkpoint, this.state, name);
    this.current = checkpoint.progress;
    this.started = this.current.step;
    this.found = checkpoint.progress.best;
    this.kept = checkpoint;
    this.fillEvaluated();
  }

  /**
   * All that is needed to continue from here, bit for bit.
   * @throws Error if the state is not that of `progress`: while updates are under way, and after one has failed.
   */
  snapshot = (): Checkpoint => {
    if (this.started !== this.current.step) throw new Error('the trainer is not at rest: updates are under way');
    const checkpoint = {
      config: this.model.config,
      imageShape: this.model.vae.config.imageShape,
      progress: this.current,
      data: this.data,
      ...captureState(this.state),
    };
    this.kept = checkpoint;
    return checkpoint;
  };

  /**
   * Trains until the run is finished, with as many updates under way as the engine allows. The trainer is at rest at an
   * epoch's record, and once the loop has been left or has ended: then a consumer may take a snapshot. Updates that are
   * under way when it is left count, though nobody gets their records; `stopped` ends it with all of them.
   * @param stopped asked before every update and during the evaluation that ends an epoch; where it turns true, the
   *   generator ends with the records of the updates that were made. An epoch whose evaluation is cut short is not
   *   counted, and is evaluated when the run is resumed. It also ends the search for the cause of a divergence.
   * @throws DivergenceError if the loss is no longer a finite number.
   */
  async *run(stopped: () => boolean = () => false): AsyncGenerator<TrainingRecord, void, undefined> {
    const { train, validation, test } = this.dataset;
    const evaluatorFor = (set: typeof test) => new BoundEvaluator(this.engine, this.evaluated, this.model, set);
    const evaluators = {
      test: evaluatorFor(test),
      validation: validation.count > 0 ? evaluatorFor(validation) : undefined,
    };
    const probe = this.model.config.gradientVariance
      ? new GradientProbe(this.engine, this.state, this.model, train)
      : undefined;
    try {
      while (this.finished === undefined) {
        yield* callEach(this.engine, this.steps(stopped), this.prepare, this.count);
        if (stopped()) return;
        this.fillEvaluated();
        const testBound = await evaluators.test.measure(stopped);
        const validationBound = await evaluators.validation?.measure(stopped);
        if (testBound === undefined || (evaluators.validation !== undefined && validationBound === undefined)) return;
        const gradientVariance = await probe?.measure(this.current.epoch + 1);
        yield this.finishEpoch({ test: testBound, validation: validationBound, gradientVariance });
      }
    } catch (error) {
      throw error instanceof NotFinite ? await this.divergence(error, stopped) : error;
    } finally {
      await evaluators.test.release();
      await evaluators.validation?.release();
      await probe?.release();
    }
  }

  /** Frees the compiled programs. */
  release = (): Promise<void> => this.updates.release();

  /** Gives `evaluated` the averages as they are. No step may be under way. */
  private fillEvaluated(): void {
    if (this.evaluated === this.state) return;
    const moment = usedMoment({ config: this.model.config, progress: this.current });
    for (const { name } of this.state.parameters) this.evaluated.write(name, this.state.read(name, moment));
  }

  /** What is still to be done of the epoch, until somebody stops it. */
  private *steps(stopped: () => boolean): Generator<Step, void, undefined> {
    for (const step of this.updates.restOfEpoch(this.current)) {
      if (stopped()) return;
      yield step;
    }
  }

  private prepare = async (step: Step): Promise<PreparedCall> => {
    const run = await this.updates.run(step);
    this.started = step.step;
    return run;
  };

  /** Adds an update's results to the progress. */
  private count = (results: Results, { epoch, step, positions }: Step): StepRecord => {
    const [loss, gradientNorm] = [results.loss[0], results.gradientNorm?.[0]];
    if (![loss, gradientNorm ?? 0].every(Number.isFinite)) {
      const [what, value] = Number.isFinite(loss) ? ["gradient's norm", gradientNorm] : ['loss', loss];
      throw new NotFinite(`the ${what} became ${value} at step ${step}`, { step, inEvaluation: false });
    }
    const [bound, logLikelihood, kl] = [results.bound[0], results.logLikelihood[0], results.kl[0]];
    const means = { loss, bound, logLikelihood, kl, gradientNorm: gradientNorm ?? 0 };
    this.current = addUpdate(this.current, means, positions.length);
    const { sums } = this.current;
    return {
      kind: 'step',
      epoch,
      step,
      stepsPerEpoch: this.stepsPerEpoch,
      images: sums.images,
      imagesInEpoch: this.dataset.train.count,
      bound: sums.bound / sums.images,
      loss,
      learningRate: this.updates.learningRate(step),
      ...(gradientNorm !== undefined && { gradientNorm }),
    };
  };

  private finishEpoch({ test, validation, gradientVariance }: Measured): EpochRecord {
    const { clip, gradientNorm: asked } = this.model.config;
    const { sums, step, batch, epoch } = this.current;
    const { bound } = validation ?? test;
    if (![test.bound, bound].every(Number.isFinite)) {
      throw new NotFinite('the bound is no longer a number', { step, inEvaluation: true });
    }
    const { progress, best, isBest } = endEpoch(this.current, bound, batch === this.stepsPerEpoch);
    this.current = progress;
    this.found = best;
    const { gradientNorm, ...means } = meansOf(sums);
    return {
      kind: 'epoch',
      epoch: epoch + 1,
      step,
      learningRate: this.updates.learningRate(step),
      train: { ...means, ...((clip > 0 || asked) && { gradientNorm }) },
      ...(validation && { validation }),
      test,
      ...(gradientVariance && { gradientVariance }),
      best: isBest,
    };
  }

  /** Looks for the cause. The state is lost by that, as it is after a failure anyway; a snapshot is refused as before. */
  private async divergence({ message, failure }: NotFinite, stopped: () => boolean): Promise<DivergenceError> {
    const { kept, current, updates } = this;
    const goBack = () =>
      kept === undefined ? updates.initialise() : restoreState(kept, this.state, 'the last snapshot');
    this.started = Number.NaN;
    // A cause that cannot be found, for want of memory perhaps, is no reason to hide what has happened.
    const finding = await diagnose({ updates, start: kept?.progress ?? START, goBack }, failure, stopped).catch(
      () => undefined,
    );
    const named = failure.inEvaluation ? undefined : failure.step;
    const place = { step: named, epoch: current.epoch + 1, isFirst: current.step === 0 };
    return divergenceError({ what: message, ...place, finding }, this.model.config);
  }
}
