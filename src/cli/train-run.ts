/** What vae train does: a trainer's records become lines, files and pictures. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Dataset, firstImages, residentImages } from '../data/dataset.ts';
import { loadDataset } from '../data/index.ts';
import type { Engine } from '../engines/engine.ts';
import { engines } from '../engines/index.ts';
import { ConfigError, InputError } from '../errors.ts';
import { writeFile } from '../files.ts';
import { drawGrid, interleave, squareColumns } from '../report/grid.ts';
import { type Checkpoint, type Progress, readCheckpoint } from '../training/checkpoint.ts';
import { checkConfig, DEFAULT_CONFIG, type RunConfig } from '../training/config.ts';
import { formatContract, likelihoodContract } from '../training/contract.ts';
import { drawLatents, TrainedModel } from '../training/inference.ts';
import { createModel, type Model } from '../training/programs.ts';
import { createRun, newestRun, openRun, type RunDirectory } from '../training/run-directory.ts';
import { DivergenceError, type EpochRecord, type StepRecord, Trainer } from '../training/trainer.ts';
import { environment } from './environment.ts';
import { Exit, INTERRUPTED } from './exit-codes.ts';
import { DEFAULT_DEVICE, defaultThreads, RUNS_FOLDER } from './options.ts';
import { type Bar, formatSeconds, nats, note, result, startBar, workWithoutOutput } from './terminal.ts';
import { flagName, type TrainOptions } from './train-options.ts';

const SAMPLE_COUNT = 49;
const RECONSTRUCTION_COUNT = 9;
/** Three pairs a row. */
const RECONSTRUCTION_COLUMNS = 6;
const RESUMABLE_CHANGES: ReadonlySet<string> = new Set(['epochs', 'threads', 'keepEvery', 'dataDir']);

/** What a run starts from: a new configuration, or a checkpoint of a run that is to go on. */
interface Start {
  readonly config: RunConfig;
  readonly resumed?: { readonly run: RunDirectory; readonly checkpoint: Checkpoint };
}

export async function train(options: TrainOptions): Promise<void> {
  const { config, resumed } = options.resume === undefined ? startNew(options) : startFrom(options);
  const engine = await engines[config.device]({ threads: config.threads });
  const { dataset, model, trainer } = await prepare(config, engine, resumed);
  if (trainer.progress.epoch >= config.epochs) {
    note(
      `${resumed?.run.folder}: already trained for ${trainer.progress.epoch} epochs; give a larger --epochs to go on`,
    );
    return;
  }
  const run = resumed?.run ?? createRun(RUNS_FOLDER, `${config.dataset}-dense`, options.out);
  run.lock();
  try {
    run.prepare();
    run.keepMetricsTo(trainer.progress.epoch);
    run.writeJson('config.json', config);
    run.writeJson('environment.json', { ...environment(), engine: engine.name, description: engine.description });
    announce(run, engine, model, dataset, trainer);
    // From here on the run is worth more than its lines on a screen that may have gone.
    workWithoutOutput();
    await follow({ run, trainer, config, pictures: new Pictures(run, engine, model, trainer, dataset) });
  } finally {
    run.unlock();
    if (resumed === undefined) run.discardUnlessSaved();
  }
}

function startNew({ resume: _, out: __, ...given }: TrainOptions): Start {
  const defaults = { ...DEFAULT_CONFIG, device: DEFAULT_DEVICE, threads: defaultThreads() };
  return { config: checkConfig({ ...defaults, ...withAbsoluteData(given) }, flagName) };
}

function startFrom({ resume, out: _, ...given }: TrainOptions): Start {
  const fixed = Object.keys(given).find((field) => !RESUMABLE_CHANGES.has(field));
  if (fixed !== undefined) {
    throw new ConfigError(`${flagName(fixed)} cannot be changed by --resume; start a new run instead`);
  }
  const run = typeof resume === 'string' ? openRun(resume) : newestRun(RUNS_FOLDER);
  const checkpoint = readCheckpoint(run.lastCheckpoint);
  const config = checkConfig({ ...checkpoint.config, ...withAbsoluteData(given) }, flagName);
  return { config, resumed: { run, checkpoint } };
}

/** The run may be resumed from another folder. */
const withAbsoluteData = (given: Partial<RunConfig>): Partial<RunConfig> =>
  given.dataDir === undefined ? given : { ...given, dataDir: path.resolve(given.dataDir) };

/** Everything that can be wrong with the settings or the data is found here, before anything is written. */
async function prepare(config: RunConfig, engine: Engine, resumed: Start['resumed']) {
  try {
    const dataset = await loadDataset({ ...config, binarise: config.binarize }, { note, progress: () => {} });
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
  if (step > 0) note(`resumed after ${epoch} epoch${epoch === 1 ? '' : 's'} and ${step} updates`);
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
        if (interrupt.requested()) break;
        bar ??= startBar(`epoch ${record.epoch}/${config.epochs}`, record.imagesInEpoch, startImages, 'images');
        showStep(bar, record);
      } else {
        endBar();
        const seconds = (performance.now() - epochBegan) / 1000;
        // What was learnt is safe before it is shown: a picture can be drawn again.
        run.appendMetrics(metricsLine(record, seconds));
        save({ best: record.best, keep: config.keepEvery > 0 && record.epoch % config.keepEvery === 0 });
        showEpoch(record, config, seconds);
        await pictures.draw(record.epoch);
        [epochBegan, startImages] = [performance.now(), 0];
      }
      if (interrupt.requested()) break;
    }
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
  if (trainer.progress.epoch < config.epochs) {
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
  { epoch, train: trained, validation, test }: EpochRecord,
  { epochs }: RunConfig,
  seconds: number,
): void {
  const parts = [
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
    `train bound ${nats(trained.bound)}`,
    ...(validation === undefined ? [] : [`validation bound ${nats(validation.bound)}`]),
    `test bound ${nats(test.bound)} (log likelihood ${nats(test.logLikelihood)}, KL ${nats(test.kl)} nats)`,
    formatSeconds(seconds),
  ];
  result(parts.join('  '));
}

const metricsLine = ({ kind: _, best: __, ...record }: EpochRecord, seconds: number) => ({ ...record, seconds });

function conclude(run: RunDirectory, { progress }: Trainer, { validation }: RunConfig): void {
  const { best } = progress;
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

/** The pictures of each epoch: of the same latents and the same test images, so that epochs can be compared. */
class Pictures {
  private readonly run: RunDirectory;
  private readonly model: TrainedModel;
  private readonly latents: Float32Array;
  private readonly originals: Uint8Array;
  private readonly seed: number;

  constructor(run: RunDirectory, engine: Engine, model: Model, trainer: Trainer, { test }: Dataset) {
    const { latent, seed } = model.config;
    this.run = run;
    this.seed = seed;
    this.model = new TrainedModel(engine, model, trainer.state);
    this.latents = drawLatents(SAMPLE_COUNT, latent, seed);
    this.originals = residentImages(firstImages(test, RECONSTRUCTION_COUNT));
  }

  /** A run that was killed between an epoch's checkpoint and its pictures gets them when it is resumed. */
  async drawIfMissing({ epoch, batch }: Progress): Promise<void> {
    const files = (['samples', 'reconstructions'] as const).map((kind) => this.run.pictureFile(kind, epoch));
    if (epoch > 0 && batch === 0 && !files.every((file) => existsSync(file))) await this.draw(epoch);
  }

  async draw(epoch: number): Promise<void> {
    const { imageShape } = this.model.model.vae.config;
    const samples = await this.model.decode(this.latents);
    writeFile(this.run.pictureFile('samples', epoch), drawGrid(samples, imageShape, squareColumns(SAMPLE_COUNT)));
    const { originals, pictures } = await this.model.reconstruct(this.originals, 1, this.seed);
    const pairs = interleave(originals, pictures, this.model.model.vae.pixels);
    writeFile(this.run.pictureFile('reconstructions', epoch), drawGrid(pairs, imageShape, RECONSTRUCTION_COLUMNS));
  }

  release = (): Promise<void> => this.model.release();
}
