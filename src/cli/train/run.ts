/** Runs a training: the trainer's records become lines, files and pictures. */

import path from 'node:path';
import { closeDataset } from '../../data/dataset.ts';
import type { EngineName } from '../../engines/index.ts';
import type { Progress } from '../../runs/progress.ts';
import { createRun, type RunDirectory } from '../../runs/run-directory.ts';
import type { RunConfig } from '../../settings/table.ts';
import { DivergenceError } from '../../training/divergence.ts';
import type { EpochRecord, StepRecord } from '../../training/records.ts';
import type { Trainer } from '../../training/trainer.ts';
import { openEngine, usableThreads } from '../shared/engine.ts';
import { environment } from '../shared/environment.ts';
import { Exit, INTERRUPTED } from '../shared/exit-codes.ts';
import { flagName } from '../shared/flags.ts';
import { RUNS_FOLDER } from '../shared/options.ts';
import { type Bar, startBar } from '../shared/progress-bar.ts';
import { note, workWithoutOutput } from '../shared/terminal.ts';
import { nats } from '../shared/words.ts';
import { announce, conclude, epochsOf, showEpoch } from './lines.ts';
import type { TrainOptions } from './options.ts';
import { Pictures } from './pictures.ts';
import { prepare, startOf } from './start.ts';

/** Points of the curves per epoch. */
const CURVE_POINTS = 50;

export async function train(options: TrainOptions): Promise<void> {
  const { config: asked, resumed } = startOf(options);
  const engine = await openEngine(asked.device, asked.threads, asked.precision);
  // What runs is recorded, not what was asked for: later, `auto` may choose another engine.
  const config = { ...asked, device: engine.name as EngineName, threads: usableThreads(asked.threads) };
  const { dataset, model, trainer } = await prepare(config, engine, resumed);
  if (trainer.finished !== undefined) {
    const { why, limit } = trainer.finished;
    note(`${resumed?.run.folder}: ended after ${why}; give a larger ${flagName(limit)} to continue`);
    closeDataset(dataset);
    return;
  }
  const name = `${path.basename(config.dataset)}-${config.preset ?? config.model}`;
  const run = resumed?.run ?? createRun(RUNS_FOLDER, name, options.out);
  run.lock();
  try {
    run.prepare();
    run.keepMetricsTo(trainer.progress);
    run.writeJson('config.json', config);
    run.writeJson('environment.json', { ...environment(), engine: engine.name, description: engine.description });
    announce(run, engine, model, dataset, trainer);
    // From here on the run continues even if its output cannot be printed.
    workWithoutOutput();
    await follow({ run, trainer, config, pictures: new Pictures(run, engine, model, trainer, dataset) });
  } finally {
    closeDataset(dataset);
    run.unlock();
    if (resumed === undefined) run.discardUnlessSaved();
  }
}

interface Following {
  readonly run: RunDirectory;
  readonly trainer: Trainer;
  readonly config: RunConfig;
  readonly pictures: Pictures;
}

/** What becomes of each record: lines, files and pictures. */
class Follower {
  private readonly following: Following;
  private bar: Bar | undefined;
  private epochBegan = performance.now();
  private startImages: number;
  /** What the last checkpoint holds. */
  saved: Progress;

  constructor(following: Following) {
    this.following = following;
    this.saved = following.trainer.progress;
    this.startImages = this.saved.sums.images;
  }

  /** Steps that were under way when the user interrupted are recorded, but not shown. */
  step(record: StepRecord, isShown: boolean): void {
    const { run, trainer } = this.following;
    if (isCurvePoint(record)) run.appendCurve(curvePoint(record));
    if (!isShown) return;
    const { epoch, images, imagesInEpoch, bound } = record;
    this.bar ??= startBar(`epoch ${epoch}/${epochsOf(trainer)}`, imagesInEpoch, this.startImages, 'images');
    this.bar.update(images, { detail: `bound ${nats(bound)} | ` });
  }

  async epoch(record: EpochRecord): Promise<void> {
    const { run, trainer, config, pictures } = this.following;
    this.endBar();
    const seconds = (performance.now() - this.epochBegan) / 1000;
    // The checkpoint comes first: a picture can be drawn again.
    run.appendMetrics(metricsLine(record, seconds));
    this.save({ best: record.best, keep: isKept(record, trainer, config) });
    showEpoch(record, config, trainer, seconds);
    await pictures.draw(record.epoch);
    [this.epochBegan, this.startImages] = [performance.now(), 0];
  }

  save(flags: { best?: boolean; keep?: boolean } = {}): void {
    const { run, trainer } = this.following;
    run.saveCheckpoint(trainer.snapshot(), flags);
    this.saved = trainer.progress;
  }

  endBar = (): void => {
    this.bar?.stop();
    this.bar = undefined;
  };
}

async function follow(following: Following): Promise<void> {
  const { run, trainer, config, pictures } = following;
  const follower = new Follower(following);
  const interrupt = catchInterrupts(follower.endBar);
  try {
    await pictures.drawIfMissing(trainer.progress);
    for await (const record of trainer.run(interrupt.requested)) {
      if (record.kind === 'step') follower.step(record, !interrupt.requested());
      else await follower.epoch(record);
    }
    if (trainer.progress.epoch > 0) await pictures.drawOverview();
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    const { step, epoch } = follower.saved;
    if (step > 0) note(`the checkpoint of epoch ${epoch} is intact in ${run.folder}`);
    throw error;
  } finally {
    follower.endBar();
    interrupt.release();
    await pictures.release();
    await trainer.release();
  }
  if (trainer.finished === undefined) {
    const { step } = trainer.progress;
    if (follower.saved !== trainer.progress) follower.save();
    note(`interrupted and saved after ${step} updates; continue with: vae train --resume ${run.folder}`);
    throw new Exit(INTERRUPTED);
  }
  conclude(run, trainer, config);
}

/** An epoch in which the run ended early is not kept. */
const isKept = ({ epoch }: EpochRecord, { progress }: Trainer, { keepEvery }: RunConfig): boolean =>
  keepEvery > 0 && progress.batch === 0 && epoch % keepEvery === 0;

/** A few steps of each epoch; the same ones if the run was interrupted. */
const isCurvePoint = ({ step, stepsPerEpoch }: StepRecord): boolean =>
  step % Math.max(1, Math.round(stepsPerEpoch / CURVE_POINTS)) === 0;

const curvePoint = ({ step, loss, learningRate, gradientNorm }: StepRecord) => ({
  step,
  loss,
  learningRate,
  gradientNorm,
});

const metricsLine = ({ kind: _, best: __, ...record }: EpochRecord, seconds: number) => ({ ...record, seconds });

/** The first Ctrl-C asks the loop to stop after its step; the second ends the process. */
function catchInterrupts(onAsked: () => void) {
  let asked = false;
  const onSignal = () => {
    if (asked) process.exit(INTERRUPTED);
    asked = true;
    onAsked();
    note('stopping after this step; interrupt again to quit without saving');
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    requested: () => asked,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
