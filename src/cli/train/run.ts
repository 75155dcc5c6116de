/** Runs a training: the trainer's records become lines, files and pictures. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { quietly } from '../../base/files.ts';
import { counted } from '../../base/words.ts';
import { closeDataset, type Dataset } from '../../data/dataset.ts';
import { recordSplit } from '../../data/folders/recorded-split.ts';
import type { Engine } from '../../engines/engine.ts';
import type { EngineName } from '../../engines/index.ts';
import { logLikelihoodWithoutLatents } from '../../evaluation/without-latents.ts';
import { pixelMoments } from '../../programs/pixel-moments.ts';
import type { Model } from '../../programs/programs.ts';
import type { Progress } from '../../runs/progress.ts';
import { createRun, expectFree, type RunDirectory } from '../../runs/run-directory.ts';
import { numberName } from '../../settings/contract.ts';
import type { RunConfig } from '../../settings/table.ts';
import type { Yardstick } from '../../training/idle-latents.ts';
import type { EpochRecord, StepRecord } from '../../training/records.ts';
import type { Trainer } from '../../training/trainer.ts';
import { meanVariance } from '../../vae/likelihoods/moments.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { SPLIT } from '../shared/dataset.ts';
import { openEngine, usableThreads } from '../shared/engine.ts';
import { environment } from '../shared/environment.ts';
import { Exit, INTERRUPTED } from '../shared/exit-codes.ts';
import { flagName } from '../shared/flags.ts';
import { RUNS_FOLDER } from '../shared/options.ts';
import { type Bar, startBar } from '../shared/progress-bar.ts';
import { note, noteCommand, workWithoutOutput } from '../shared/terminal.ts';
import { formatProgress, nats, shellQuoted } from '../shared/words.ts';
import { announce, conclude, epochPrinter, epochsOf, runClock } from './lines.ts';
import type { TrainOptions } from './options.ts';
import { Pictures } from './pictures.ts';
import { prepare, startOf } from './start.ts';
import { Warnings } from './warnings.ts';

/** Points of the curves per epoch. */
const CURVE_POINTS = 50;

export async function train(options: TrainOptions): Promise<void> {
  if (options.out !== undefined) expectFree(options.out);
  const start = startOf(options);
  const { config: asked, resumed } = start;
  const engine = await openEngine(asked.device, asked.threads, asked.precision);
  // What runs is recorded, not what was asked for: later, `auto` may choose another engine.
  const found = { ...asked, device: engine.name as EngineName, threads: usableThreads(asked.threads) };
  const { dataset, model, trainer } = await prepare(found, engine, start);
  const { config } = model;
  const name = `${path.basename(config.dataset)}-${config.preset ?? config.model}`;
  const run = resumed?.run ?? createRun(RUNS_FOLDER, name, options.out);
  try {
    run.lock();
    run.prepare();
    noteLostRecords(run, trainer);
    const pictures = () => new Pictures(run, engine, model, trainer, dataset);
    if (trainer.finished !== undefined) {
      await complete({ run, trainer, pictures: pictures() });
      return;
    }
    run.writeJson('config.json', config);
    const split = recordSplit(dataset);
    if (split !== undefined) run.writeJson(SPLIT, split);
    const yardstick = objectives[config.objective].hasPrior ? await yardstickOf(engine, model, dataset) : undefined;
    const { withoutLatents } = yardstick ?? {};
    const computes = { engine: engine.name, description: engine.description };
    run.writeJson('environment.json', { ...environment(), ...computes, withoutLatents });
    announce(run, engine, model, dataset, trainer, withoutLatents);
    // From here on the run continues even if its output cannot be printed.
    workWithoutOutput();
    await follow({ run, trainer, model, config, pictures: pictures(), yardstick });
  } finally {
    quietly(() => closeDataset(dataset));
    run.close();
  }
}

/** What a model of these images is compared with: one that ignores its latents. */
async function yardstickOf(engine: Engine, model: Model, { train, test }: Dataset): Promise<Yardstick> {
  const moments = pixelMoments(train, model.vae.config.imageShape);
  return {
    withoutLatents: await logLikelihoodWithoutLatents(engine, model, moments, test),
    pixelVariance: meanVariance(moments),
  };
}

/** How far the records of a run count. One of an epoch that was cut short counts where nothing makes it again. */
function recorded({ progress: { epoch, step, measured }, finished }: Trainer) {
  const isCutShort = finished !== undefined && measured === step;
  return { epoch: isCutShort ? epoch + 1 : epoch, step };
}

/** Records that a crash or somebody has taken leave a hole in the charts. */
function noteLostRecords(run: RunDirectory, trainer: Trainer): void {
  const { epoch, step } = recorded(trainer);
  const left = run.keepMetricsTo({ epoch, step });
  const points = Math.floor(step / curveStride(trainer));
  const lost = [
    ...(left.metrics < epoch ? [`the metrics of ${epoch - left.metrics} of ${counted(epoch, 'epoch')}`] : []),
    ...(left.curves < points ? [`${points - left.curves} of ${counted(points, 'point')} of the curves`] : []),
  ];
  if (lost.length === 0) return;
  note(`${run.folder}: lost: ${lost.join(', and ')}; the charts are drawn without them`);
}

/** A run that has nothing more to train may lack its last pictures. */
async function complete({ run, trainer, pictures }: Pick<Following, 'run' | 'trainer' | 'pictures'>): Promise<void> {
  try {
    await pictures.drawIfMissing(trainer.progress, true);
    await pictures.drawOverview();
  } finally {
    await pictures.release();
    await trainer.release();
  }
  const { why, limit } = trainer.finished!;
  note(`${run.folder}: ended after ${why}; give a larger ${flagName(limit)} to continue`);
}

interface Following {
  readonly run: RunDirectory;
  readonly trainer: Trainer;
  readonly model: Model;
  readonly config: RunConfig;
  readonly pictures: Pictures;
  /** None of a model without a prior. */
  readonly yardstick: Yardstick | undefined;
}

/** What becomes of each record: lines, files and pictures. */
class Follower {
  private readonly following: Following;
  private bar: Bar | undefined;
  private epochBegan = performance.now();
  private startImages: number;
  private readonly printEpoch: ReturnType<typeof epochPrinter>;
  private readonly secondsLeft: ReturnType<typeof runClock>;
  private readonly warnings: Warnings | undefined;
  /** What the last checkpoint holds. */
  saved: Progress;

  constructor(following: Following) {
    this.following = following;
    this.saved = following.trainer.progress;
    this.startImages = this.saved.sums.images;
    const { config, trainer, model, yardstick } = following;
    this.printEpoch = epochPrinter(config, trainer, model.vae.pixels);
    this.secondsLeft = runClock(trainer);
    this.warnings = yardstick && new Warnings(config, epochsOf(trainer), model.vae.pixels, yardstick);
  }

  /** Steps that were under way when the user interrupted are recorded, but not shown. */
  step(record: StepRecord, isShown: boolean): void {
    const { run, trainer, config } = this.following;
    if (isCurvePoint(record)) run.appendCurve(curvePoint(record));
    if (!isShown) return;
    const { epoch, step, images, imagesInEpoch, bound } = record;
    this.bar ??= startBar(`epoch ${epoch}/${epochsOf(trainer)}`, imagesInEpoch, this.startImages, 'images');
    this.bar.update(images, { detail: `${numberName(config)} ${nats(bound)}`, left: this.secondsLeft(step) });
  }

  async epoch(record: EpochRecord): Promise<void> {
    const { run, trainer, config, pictures } = this.following;
    this.endBar();
    const seconds = (performance.now() - this.epochBegan) / 1000;
    // The checkpoint comes first: a picture can be drawn again.
    run.appendMetrics(metricsLine(record, seconds));
    this.save({ best: record.best, keep: isKept(record, trainer, config) });
    this.printEpoch(record, seconds);
    const isLast = trainer.finished !== undefined;
    const samples = await pictures.draw(record.epoch, isLast);
    this.warnings?.after(record, isLast, samples);
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
    await pictures.drawIfMissing(trainer.progress, false);
    for await (const record of trainer.run(interrupt.requested)) {
      if (record.kind === 'step') follower.step(record, !interrupt.requested());
      else await follower.epoch(record);
    }
    // Within the reach of `interrupt`: a second signal must not end what saves.
    if (trainer.finished === undefined && follower.saved !== trainer.progress) follower.save();
    const { epoch, measured } = trainer.progress;
    if (epoch > 0 || measured !== undefined) await pictures.drawOverview();
  } catch (error) {
    const { saved } = follower;
    if (saved.step > 0 && existsSync(run.lastCheckpoint))
      note(`the checkpoint after ${formatProgress(saved)} is intact in ${run.folder}`);
    throw error;
  } finally {
    follower.endBar();
    interrupt.release();
    await pictures.release();
    await trainer.release();
  }
  if (trainer.finished === undefined) {
    const { step } = trainer.progress;
    const command = `vae train --resume ${shellQuoted(run.folder)}`;
    noteCommand(`interrupted and saved after ${counted(step, 'update')}; continue with`, command);
    throw new Exit(INTERRUPTED);
  }
  conclude(run, trainer, config);
}

/** An epoch in which the run ended early is not kept. */
const isKept = ({ epoch }: EpochRecord, { progress }: Trainer, { keepEvery }: RunConfig): boolean =>
  keepEvery > 0 && progress.batch === 0 && epoch % keepEvery === 0;

/** A few steps of each epoch; the same ones if the run was interrupted. */
const isCurvePoint = (record: StepRecord): boolean => record.step % curveStride(record) === 0;

const curveStride = ({ stepsPerEpoch }: { readonly stepsPerEpoch: number }): number =>
  Math.max(1, Math.round(stepsPerEpoch / CURVE_POINTS));

const curvePoint = ({ step, loss, learningRate, gradientNorm }: StepRecord) => ({
  step,
  loss,
  learningRate,
  gradientNorm,
});

const metricsLine = ({ kind: _, best: __, ...record }: EpochRecord, seconds: number) => ({ ...record, seconds });

/** Of a wrapper that passes Ctrl-C on, it comes twice; a person is slower than this many milliseconds. */
const SAME_PRESS = 300;

/**
 * The first signal asks the loop to stop after its step. A second Ctrl-C ends the process; a terminal that closes, or a
 * system that shuts down, may send several signals, and none of them ends a run that is about to be saved.
 */
function catchInterrupts(onAsked: () => void) {
  let asked: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (asked !== undefined) {
      if (signal === 'SIGINT' && performance.now() - asked > SAME_PRESS) process.exit(INTERRUPTED);
      return;
    }
    asked = performance.now();
    onAsked();
    note('stopping after this step; press Ctrl-C again to quit without saving');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    requested: () => asked !== undefined,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
