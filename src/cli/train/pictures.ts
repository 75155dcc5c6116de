/** The pictures of a run: the same latents and the same images in every epoch, so that epochs can be compared. */

import { existsSync } from 'node:fs';
import { InputError } from '../../base/errors.ts';
import { readFile, writeFile } from '../../base/files.ts';
import { type Dataset, oneOfEachClass, pixelsAt, spread } from '../../data/dataset.ts';
import type { Engine } from '../../engines/engine.ts';
import { TrainedModel } from '../../inference/trained-model.ts';
import type { Model } from '../../programs/programs.ts';
import { drawChart } from '../../report/chart.ts';
import { drawGrid, interleave, squareColumns } from '../../report/grid.ts';
import { type Column, decodeColumn, drawHistory, encodeColumn, shownEpochs } from '../../report/history.ts';
import type { Progress } from '../../runs/progress.ts';
import type { RunDirectory } from '../../runs/run-directory.ts';
import type { EpochRecord, StepRecord } from '../../training/records.ts';
import type { Trainer } from '../../training/trainer.ts';
import { note } from '../shared/terminal.ts';

const SAMPLE_COUNT = 49;
const RECONSTRUCTION_COUNT = 9;
/** Three pairs per row. */
const RECONSTRUCTION_COLUMNS = 6;
/** Images whose reconstructions are followed from epoch to epoch. */
const HISTORY_COUNT = 10;
/** Pictures that grow with the run are drawn again after this many milliseconds, and at the end. */
const OVERVIEW_EVERY = 20_000;
/** Drawing them takes at most one twentieth of a run's time. */
const OVERVIEW_SHARE = 20;
/** Of longer curves, some points are drawn. */
const MOST_POINTS = 20_000;

export class Pictures {
  private readonly run: RunDirectory;
  private readonly trained: TrainedModel;
  private latents: Float32Array | undefined;
  private readonly originals: Uint8Array;
  private readonly followed: Uint8Array;
  /** The classes of the followed images; none where they have none. */
  private readonly followedNames: readonly string[];
  /** When the overview is due. */
  private nextOverview = performance.now() + OVERVIEW_EVERY;

  constructor(run: RunDirectory, engine: Engine, model: Model, trainer: Trainer, dataset: Dataset) {
    const { test, validation, classes } = dataset;
    const held = validation.count > 0 ? validation : test;
    this.run = run;
    this.trained = new TrainedModel(engine, model, trainer.evaluated);
    this.originals = pixelsAt(test, spread(test, classes, RECONSTRUCTION_COUNT));
    const followed = oneOfEachClass(held, classes, HISTORY_COUNT);
    this.followed = pixelsAt(held, followed);
    this.followedNames = classes.length < 2 ? [] : Array.from(followed, (i) => classes[held.labels[i]]);
  }

  private get shape() {
    return this.trained.model.vae.config.imageShape;
  }

  private get seed(): number {
    return this.trained.model.config.seed;
  }

  /** Whether the epoch that has just ended has pictures. */
  private isDrawn(epoch: number, isLast: boolean): boolean {
    return isLast || epoch % this.trained.model.config.picturesEvery === 0;
  }

  /** A run that was killed between an epoch's checkpoint and its pictures gets them when it is resumed. */
  async drawIfMissing({ epoch, batch, step, measured }: Progress, isLast: boolean): Promise<void> {
    // An epoch that was cut short is measured and drawn, and counts when it is whole.
    const ended = measured === step ? epoch + 1 : epoch;
    if (ended === 0 || (batch > 0 && ended === epoch) || !this.isDrawn(ended, isLast)) return;
    const files = (['samples', 'reconstructions', 'history'] as const).map((kind) => this.run.pictureFile(kind, ended));
    if (!files.every((file) => existsSync(file))) await this.drawEpoch(ended);
  }

  /** Draws the pictures of an epoch that has just ended, if it is one that has pictures, and gives its samples [49, D]. */
  async draw(epoch: number, isLast: boolean): Promise<Float32Array | undefined> {
    const samples = this.isDrawn(epoch, isLast) ? await this.drawEpoch(epoch) : undefined;
    if (performance.now() > this.nextOverview) await this.drawOverview();
    return samples;
  }

  private async drawEpoch(epoch: number): Promise<Float32Array> {
    this.latents ??= await this.trained.draw(SAMPLE_COUNT, this.seed);
    const samples = await this.trained.decode(this.latents);
    writeFile(this.run.pictureFile('samples', epoch), drawGrid(samples, this.shape, squareColumns(SAMPLE_COUNT)));
    const { originals, pictures } = await this.trained.reconstruct(this.originals, 1, this.seed);
    const pairs = interleave(originals, pictures, this.trained.model.vae.pixels);
    writeFile(this.run.pictureFile('reconstructions', epoch), drawGrid(pairs, this.shape, RECONSTRUCTION_COLUMNS));
    const column = encodeColumn((await this.trained.reconstruct(this.followed, 1, this.seed)).pictures, this.shape);
    writeFile(this.run.pictureFile('history', epoch), column);
    return samples;
  }

  /** The reconstruction history, and the curves. Both are read from the run's files, so that nothing grows in memory. */
  async drawOverview(): Promise<void> {
    const began = performance.now();
    const { originals } = await this.trained.reconstruct(this.followed, 1, this.seed);
    const rows = this.followed.length / this.trained.model.vae.pixels;
    const columns = shownEpochs(this.run.pictureEpochs('history'), rows, this.shape).flatMap((epoch) =>
      this.columnOf(epoch, originals.length),
    );
    if (columns.length > 0) {
      const history = [{ name: 'original', images: originals }, ...columns];
      writeFile(this.run.file('reconstruction-history.png'), drawHistory(history, this.shape, this.followedNames));
    }
    drawCurves(this.run);
    const now = performance.now();
    this.nextOverview = now + Math.max(OVERVIEW_EVERY, OVERVIEW_SHARE * (now - began));
  }

  /** An epoch's column, none where its file is damaged. */
  private columnOf(epoch: number, size: number): Column[] {
    const file = this.run.pictureFile('history', epoch);
    try {
      const images = decodeColumn(readFile(file), this.shape, file);
      if (images.length === size) return [{ name: String(epoch), images }];
      note(`${file}: it has other images than this run follows; it is left out of reconstruction-history.png`);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      note(`${error.message}; it is left out of reconstruction-history.png`);
    }
    return [];
  }

  release = (): Promise<void> => this.trained.release();
}

/** At most `MOST_POINTS` records: of more, every second one, or every fourth, and so on. */
function thinned<Record>(records: Iterable<Record>): Record[] {
  let kept: Record[] = [];
  let stride = 1;
  let i = 0;
  for (const record of records) {
    if (i++ % stride !== 0) continue;
    kept.push(record);
    if (kept.length < MOST_POINTS) continue;
    kept = kept.filter((_, k) => k % 2 === 0);
    stride *= 2;
  }
  return kept;
}

/** Draws what metrics.jsonl and curves.jsonl hold. */
function drawCurves(run: RunDirectory): void {
  const epochs = thinned(run.metrics<EpochRecord>());
  if (epochs.length === 0) return;
  const over = (name: string, values: (record: EpochRecord) => number | undefined) => ({
    name,
    x: epochs.map(({ epoch }) => epoch),
    y: epochs.map((record) => values(record) ?? Number.NaN),
  });
  const validation = epochs.some((record) => record.validation) ? [over('validation', (r) => r.validation?.bound)] : [];
  const series = [over('train', (r) => r.train.bound), ...validation, over('test', (r) => r.test.bound)];
  const bound = { title: 'Bound, higher is better', xLabel: 'epoch', yLabel: 'nats per image', series };
  writeFile(run.chartFile('bound'), drawChart(bound));

  const steps = thinned(run.curves<StepRecord>());
  const curve = (file: string, title: string, yLabel: string, value: (record: StepRecord) => number | undefined) => {
    const known = steps.filter((record) => value(record) !== undefined);
    if (known.length === 0) return;
    const line = { name: title, x: known.map(({ step }) => step), y: known.map((record) => value(record)!) };
    const smooth = file !== 'learning-rate';
    writeFile(run.chartFile(file), drawChart({ title, xLabel: 'update', yLabel, smooth, series: [line] }));
  };
  curve('loss', 'Training loss', 'nats per image', ({ loss }) => loss);
  curve('gradient-norm', 'Gradient norm', 'nats', ({ gradientNorm }) => gradientNorm);
  curve('learning-rate', 'Learning rate', '', ({ learningRate }) => learningRate);
}
