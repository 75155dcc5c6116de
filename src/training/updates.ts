/**
 * The updates of a run: which images each is made from, and what the engine is given for it. Any of them can be made
 * again from the state before it. Nothing is counted here: how far the run is, the trainer knows.
 */

import type { Dataset } from '../data/dataset.ts';
import type { Engine, Executable, State } from '../engines/engine.ts';
import { averaged } from '../nn/averaging.ts';
import { type Optimiser, optimisers } from '../nn/optimisers.ts';
import { specOf } from '../nn/parameter.ts';
import { learningRateAt } from '../nn/schedules.ts';
import { type BatchSource, batchSource } from '../programs/batches.ts';
import type { PreparedCall } from '../programs/calls.ts';
import { Executables } from '../programs/executables.ts';
import { initialValues } from '../programs/initial-values.ts';
import { betaArgument, type Model, trainingProgram } from '../programs/programs.ts';
import { permutation } from '../random/random.ts';
import type { Progress } from '../runs/progress.ts';
import type { Program } from '../tensor/program.ts';
import { sizeOf } from '../tensor/shape.ts';

/** An update that is to be made. */
export interface Step {
  readonly epoch: number;
  /** Its number in the run, from 1. */
  readonly step: number;
  readonly positions: Int32Array;
}

/** A place between two steps. */
export type Place = Pick<Progress, 'epoch' | 'batch' | 'step'>;

export class Updates {
  readonly state: State;
  readonly stepsPerEpoch: number;
  private readonly engine: Engine;
  private readonly model: Model;
  private readonly dataset: Dataset;
  private readonly source: BatchSource;
  private readonly optimiser: Optimiser;
  private readonly executables: Executables;

  constructor(engine: Engine, model: Model, dataset: Dataset) {
    const { config, vae } = model;
    this.engine = engine;
    this.model = model;
    this.dataset = dataset;
    this.stepsPerEpoch = Math.ceil(dataset.train.count / config.batchSize);
    this.optimiser = averaged(optimisers[config.optimizer].create(config), config.ema);
    this.state = engine.allocate(vae.parameters.map(specOf), this.optimiser.update.moments);
    this.source = batchSource(dataset.train, vae.pixels);
    this.executables = new Executables((batch) => this.compile(this.program(batch)));
    this.initialise();
  }

  /** Updates of the whole run. */
  get totalSteps(): number {
    const { steps, epochs } = this.model.config;
    return steps ?? epochs * this.stepsPerEpoch;
  }

  /** Gives the state the values that a run begins with. */
  initialise(): void {
    for (const [name, values] of initialValues(this.model, this.dataset.train)) this.state.write(name, values);
    for (const { name, shape } of this.state.parameters) {
      for (const moment of this.state.moments) this.state.write(name, new Float32Array(sizeOf(shape)), moment);
    }
  }

  /** What is still to be done of an epoch, in its order. */
  *restOfEpoch({ epoch, batch, step }: Place): Generator<Step, void, undefined> {
    const { seed, batchSize } = this.model.config;
    const order = permutation(this.dataset.train.count, { seed, stream: 'shuffle', step: epoch + 1 });
    const count = Math.min(this.stepsPerEpoch - batch, this.totalSteps - step);
    for (let i = 0; i < count; i++) {
      const start = (batch + i) * batchSize;
      yield { epoch: epoch + 1, step: step + i + 1, positions: order.subarray(start, start + batchSize) };
    }
  }

  /** The steps from a place to the one of the number `last`, with it, over all epochs between. */
  *stepsTo(last: number, from: Place): Generator<Step, void, undefined> {
    let { epoch, batch, step } = from;
    for (; step < last; epoch++, batch = 0) {
      for (const next of this.restOfEpoch({ epoch, batch, step })) {
        if (next.step > last) return;
        step = next.step;
        yield next;
      }
    }
  }

  learningRate = (step: number): number => learningRateAt(this.model.config.schedule, step, this.model.config, this);

  async run({ step, positions }: Step): Promise<PreparedCall> {
    const { config } = this.model;
    const executable = await this.executables.of(positions.length);
    const call = {
      arguments: { ...this.source.at(positions), ...betaArgument(config, step) },
      noise: { seed: config.seed, step },
      coefficients: this.optimiser.coefficients(step, this.learningRate(step)),
    };
    return { executable, call };
  }

  /** What a step of so many images computes. */
  program = (batch: number): Program => trainingProgram(this.model, this.optimiser, batch, this.source);

  /** Compiles a program for the state and the images of this run. */
  compile = (program: Program): Promise<Executable> =>
    this.engine.compile(program, { state: this.state, data: this.source.data });

  /** Frees the compiled programs. */
  release = (): Promise<void> => this.executables.release();
}
