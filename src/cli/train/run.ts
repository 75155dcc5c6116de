/** What vae train does: a trainer's records become lines, files and pictures. */

import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError, InputError } from '../../base/errors.ts';
import { closeDataset, type Dataset } from '../../data/dataset.ts';
import { resolveDataset } from '../../data/index.ts';
import type { Engine } from '../../engines/engine.ts';
import type { EngineName } from '../../engines/index.ts';
import type { Spread } from '../../evaluation/gradient-variance.ts';
import { createModel, type Model } from '../../programs/programs.ts';
import { type Checkpoint, readCheckpoint } from '../../runs/checkpoint.ts';
import { createRun, newestRun, openRun, type RunDirectory } from '../../runs/run-directory.ts';
import { checkConfig } from '../../settings/check.ts';
import type { RunConfig } from '../../settings/config.ts';
import { formatContract, likelihoodContract, nameWithoutBound } from '../../settings/contract.ts';
import { resolveConfig } from '../../settings/resolve.ts';
import { checkEffect } from '../../settings/without-effect.ts';
import type { EpochRecord, StepRecord } from '../../training/records.ts';
import { DivergenceError, Trainer } from '../../training/trainer.ts';
import { loadImages } from '../shared/dataset.ts';
import { openEngine } from '../shared/engine.ts';
import { environment } from '../shared/environment.ts';
import { Exit, INTERRUPTED } from '../shared/exit-codes.ts';
import { DEFAULT_DEVICE, defaultThreads, RUNS_FOLDER } from '../shared/options.ts';
import { type Bar, startBar } from '../shared/progress-bar.ts';
import { note, result, workWithoutOutput } from '../shared/terminal.ts';
import { counted, formatSeconds, nats } from '../shared/words.ts';
import { flagName, type TrainOptions } from './options.ts';
import { Pictures } from './pictures.ts';

/** Points of an epoch's curves. */
const CURVE_POINTS = 50;
const RESUMABLE_CHANGES: ReadonlySet<string> = new Set([
  'epochs',
  'steps',
  'patience',
  'threads',
  'keepEvery',
  'dataDir',
]);

/** What a run starts from: a new configuration, or a checkpoint of a run that is to go on. */
interface Start {
  readonly config: RunConfig;
  readonly resumed?: { readonly run: RunDirectory; readonly checkpoint: Checkpoint };
}

export async function train(options: TrainOptions): Promise<void> {
  const { config: asked, resumed } = options.resume === undefined ? startNew(options) : startFrom(options);
  const engine = await openEngine(asked.device, asked.threads, asked.precision);
  // What ran is recorded, not what was asked for: `auto` may find another engine by the time the run is resumed.
  const config = { ...asked, device: engine.name as EngineName };
  const { dataset, model, trainer } = await prepare(config, engine, resumed);
  if (trainer.finished !== undefined) {
    const { why, limit } = trainer.finished;
    note(`${resumed?.run.folder}: ended after ${why}; give a larger ${flagName(limit)} to go on`);
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
    // From here on the run is worth more than its lines on a screen that may have gone.
    workWithoutOutput();
    await follow({ run, trainer, config, pictures: new Pictures(run, engine, model, trainer, dataset) });
  } finally {
    closeDataset(dataset);
    run.unlock();
    if (resumed === undefined) run.discardUnlessSaved();
  }
}

function startNew({ resume: _, out: __, ...given }: TrainOptions): Start {
  const defaults = { device: DEFAULT_DEVICE, threads: defaultThreads() };
  const config = checkConfig({ ...defaults, ...resolveConfig(withAbsoluteData(given)) }, flagName);
  checkEffect(given, config, flagName);
  return { config };
}

function startFrom({ resume, out: _, ...options }: TrainOptions): Start {
  const run = typeof resume === 'string' ? openRun(resume) : newestRun(RUNS_FOLDER);
  const checkpoint = readCheckpoint(run.lastCheckpoint);
  const given = withAbsoluteData(options);
  const recorded = new Map<string, unknown>(Object.entries(checkpoint.config));
  const changes = ([field, value]: [string, unknown]): boolean =>
    !RESUMABLE_CHANGES.has(field) && !isDeepStrictEqual(value, recorded.get(field));
  const fixed = Object.entries(given).find(changes);
  if (fixed !== undefined) {
    throw new ConfigError(`${flagName(fixed[0])} cannot be changed by --resume; start a new run instead`);
  }
  const { steps, ...before } = checkpoint.config;
  // Whoever counts in epochs from here on counts no longer in steps.
  const length = steps === undefined || given.epochs !== undefined ? {} : { steps };
  const config = checkConfig({ ...before, ...length, ...given }, flagName);
  return { config, resumed: { run, checkpoint } };
}

/** The run may be resumed from another folder. */
const withAbsoluteData = ({ dataset, dataDir, ...given }: Partial<RunConfig>): Partial<RunConfig> => ({
  ...given,
  ...(dataset && { dataset: resolveDataset(dataset) }),
  ...(dataDir && { dataDir: path.resolve(dataDir) }),
});

/** Everything that can be wrong with the settings or the data is found here, before anything is written. */
async function prepare(config: RunConfig, engine: Engine, resumed: Start['resumed']) {
  try {
    const dataset = await loadImages(config);
    const model = createModel(config, dataset.imageShape);
    const trainer = new Trainer(engine, model, dataset);
    if (resumed !== undefined) trainer.restore(resumed.checkpoint, resumed.run.lastCheckpoint);
    return { dataset, model, trainer };
  } catch (error) {
    // The settings of a resumed run were right when it began: it is the data that no longer fits them.
    if (resumed === undefined || !(error instanceof ConfigError)) throw error;
    throw new InputError(`${resumed.run.folder}: its data has changed: ${error.message}`);
  }
}

function announce(
  run: RunDirectory,
  engine: Engine,
  { vae, config }: Model,
  { train: set, test }: Dataset,
  trainer: Trainer,
) {
  const parameters = vae.parameters.reduce((sum, { tensor }) => sum + tensor.size, 0);
  const { epoch, step } = trainer.progress;
  note(
    `${run.folder}: ${set.count} training and ${test.count} test images; ${parameters} parameters; ${engine.description}; seed ${config.seed}`,
  );
  note(formatContract(likelihoodContract(config)));
  if (step > 0) note(`resumed after ${counted(epoch, 'epoch')} and ${step} updates`);
}

interface Following {
  readonly run: RunDirectory;
  readonly trainer: Trainer;
  readonly config: RunConfig;
  readonly pictures: Pictures;
}

async function follow({ run, trainer, config, pictures }: Following): Promise<void> {
  let bar: Bar | undefined;
  const endBar = () => {
    bar?.stop();
    bar = undefined;
  };
  const interrupt = catchInterrupts(endBar);
  let epochBegan = performance.now();
  let startImages = trainer.progress.sums.images;
  let saved = trainer.progress;
  const save = (flags: { best?: boolean; keep?: boolean } = {}) => {
    run.saveCheckpoint(trainer.snapshot(), flags);
    saved = trainer.progress;
  };
  try {
    await pictures.drawIfMissing(trainer.progress);
    for await (const record of trainer.run(interrupt.requested)) {
      if (record.kind === 'step') {
        // The update is made, whatever comes now: its point belongs to the curves.
        if (isCurvePoint(record)) run.appendCurve(curvePoint(record));
        // Of those that are under way still, the records come.
        if (interrupt.requested()) continue;
        bar ??= startBar(`epoch ${record.epoch}/${epochsOf(trainer)}`, record.imagesInEpoch, startImages, 'images');
        showStep(bar, record);
      } else {
        endBar();
        const seconds = (performance.now() - epochBegan) / 1000;
        // What was learnt is safe before it is shown: a picture can be drawn again.
        run.appendMetrics(metricsLine(record, seconds));
        save({ best: record.best, keep: isKept(record, trainer, config) });
        showEpoch(record, config, trainer, seconds);
        await pictures.draw(record.epoch);
        [epochBegan, startImages] = [performance.now(), 0];
      }
    }
    if (trainer.progress.epoch > 0) await pictures.drawOverview();
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    const kept = saved.step > 0 ? `; the checkpoint of epoch ${saved.epoch} is intact in ${run.folder}` : '';
    throw new DivergenceError(error.message + kept);
  } finally {
    endBar();
    interrupt.release();
    await pictures.release();
    await trainer.release();
  }
  if (trainer.finished === undefined) {
    if (saved !== trainer.progress) save();
    note(
      `interrupted and saved after ${trainer.progress.step} updates; continue with: vae train --resume ${run.folder}`,
    );
    throw new Exit(INTERRUPTED);
  }
  conclude(run, trainer, config);
}

function showStep(bar: Bar, { images, bound }: StepRecord): void {
  bar.update(images, { detail: `bound ${nats(bound)} | ` });
}

function showEpoch(
  { epoch, train: trained, validation, test, gradientVariance }: EpochRecord,
  config: RunConfig,
  trainer: Trainer,
  seconds: number,
): void {
  const { objective } = config;
  const epochs = epochsOf(trainer);
  // A plain autoencoder has no bound: what it has in its place is called what it is.
  const name = objective === 'autoencoder' ? nameWithoutBound(likelihoodContract(config)) : 'bound';
  const terms = `(log likelihood ${nats(test.logLikelihood)}, KL ${nats(test.kl)} nats)`;
  const parts = [
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
    `train ${name} ${nats(trained.bound)}`,
    ...(validation === undefined ? [] : [`validation ${name} ${nats(validation.bound)}`]),
    `test ${name} ${nats(test.bound)}${objective === 'autoencoder' ? '' : ` ${terms}`}`,
    formatSeconds(seconds),
  ];
  result(parts.join('  '));
  if (gradientVariance !== undefined) {
    const spread = ([name, { variance }]: [string, Spread]) => `${name} ${variance.toPrecision(3)}`;
    result(`  variance of the encoder's gradient: ${Object.entries(gradientVariance).map(spread).join(', ')}`);
  }
}

/** A run may end inside an epoch, which then is none to keep. */
const isKept = ({ epoch }: EpochRecord, { progress }: Trainer, { keepEvery }: RunConfig): boolean =>
  keepEvery > 0 && progress.batch === 0 && epoch % keepEvery === 0;

/** Epochs of the whole run, the last of which may be cut short. */
const epochsOf = ({ totalSteps, stepsPerEpoch }: Trainer): number => Math.ceil(totalSteps / stepsPerEpoch);

/** A few steps of each epoch, and which ones does not depend on where a run was stopped. */
const isCurvePoint = ({ step, stepsPerEpoch }: StepRecord): boolean =>
  step % Math.max(1, Math.round(stepsPerEpoch / CURVE_POINTS)) === 0;

const curvePoint = ({ step, loss, learningRate, gradientNorm }: StepRecord) => ({
  step,
  loss,
  learningRate,
  gradientNorm,
});

const metricsLine = ({ kind: _, best: __, ...record }: EpochRecord, seconds: number) => ({ ...record, seconds });

function conclude(run: RunDirectory, { best }: Trainer, { validation }: RunConfig): void {
  if (best === undefined) return;
  const by = validation > 0 ? 'validation bound' : 'test bound (with --validation n it is chosen by images set aside)';
  note(`best epoch ${best.epoch}, ${nats(best.bound)} nats by its ${by}; pictures in ${run.file('samples')}`);
  note(`next: vae sample --run ${run.folder} -n 49 --out grid.png`);
}

/** The first Ctrl-C asks the loop to stop after its step; the second ends the process. */
function catchInterrupts(onAsked: () => void) {
  let asked = false;
  const onSignal = () => {
    if (asked) process.exit(INTERRUPTED);
    asked = true;
    onAsked();
    note('stopping after this step; once more to quit without saving');
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
