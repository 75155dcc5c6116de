/** The pictures of a run: the same latents and the same images in every epoch, so that epochs can be compared. */

import { existsSync } from 'node:fs';
import { readFile, writeFile } from '../../base/files.ts';
import { type Dataset, oneOfEachClass, pixelsAt, range } from '../../data/dataset.ts';
import type { Engine } from '../../engines/engine.ts';
import { TrainedModel } from '../../inference/trained-model.ts';
import type { Model } from '../../programs/programs.ts';
import { drawChart } from '../../report/chart.ts';
import { drawGrid, interleave, squareColumns } from '../../report/grid.ts';
import { decodeColumn, drawHistory, encodeColumn } from '../../report/history.ts';
import type { Progress } from '../../runs/progress.ts';
import type { RunDirectory } from '../../runs/run-directory.ts';
import type { EpochRecord, StepRecord } from '../../training/records.ts';
import type { Trainer } from '../../training/trainer.ts';

const SAMPLE_COUNT = 49;
const RECONSTRUCTION_COUNT = 9;
/** Three pairs per row. */
const RECONSTRUCTION_COLUMNS = 6;
/** Images whose reconstructions are followed from epoch to epoch. */
const HISTORY_COUNT = 10;
/** Pictures that grow with the run are drawn again after this many milliseconds, and at the end. */
const OVERVIEW_EVERY = 20_000;

export class Pictures {
  private readonly run: RunDirectory;
  private readonly trained: TrainedModel;
  private latents: Float32Array | undefined;
  private readonly originals: Uint8Array;
  private readonly followed: Uint8Array;
  /** The reconstructions of the followed images, one entry per epoch; a resumed run reads earlier ones back. */
  private readonly history: Float32Array[] = [];
  private overviewDrawn = performance.now();

  constructor(run: RunDirectory, engine: Engine, model: Model, trainer: Trainer, dataset: Dataset) {
    const { test, validation, classes } = dataset;
    const held = validation.count > 0 ? validation : test;
    this.run = run;
    this.trained = new TrainedModel(engine, model, trainer.state);
    this.originals = pixelsAt(test, range(0, Math.min(RECONSTRUCTION_COUNT, test.count)));
    this.followed = pixelsAt(held, oneOfEachClass(held, classes, HISTORY_COUNT));
    for (let epoch = 1; epoch <= trainer.progress.epoch; epoch++) {
      const file = run.pictureFile('history', epoch);
      if (existsSync(file)) this.history[epoch - 1] = decodeColumn(readFile(file), this.shape, file);
    }
  }

  private get shape() {
    return this.trained.model.vae.config.imageShape;
  }

  private get seed(): number {
    return this.trained.model.config.seed;
  }

  /** A run that was killed between an epoch's checkpoint and its pictures gets them when it is resumed. */
  async drawIfMissing({ epoch, batch }: Progress): Promise<void> {
    const files = (['samples', 'reconstructions', 'history'] as const).map((kind) => this.run.pictureFile(kind, epoch));
    if (epoch > 0 && batch === 0 && !files.every((file) => existsSync(file))) await this.draw(epoch);
  }

  async draw(epoch: number): Promise<void> {
    this.latents ??= await this.trained.draw(SAMPLE_COUNT, this.seed);
    const samples = await this.trained.decode(this.latents);
    writeFile(this.run.pictureFile('samples', epoch), drawGrid(samples, this.shape, squareColumns(SAMPLE_COUNT)));
    const { originals, pictures } = await this.trained.reconstruct(this.originals, 1, this.seed);
    const pairs = interleave(originals, pictures, this.trained.model.vae.pixels);
    writeFile(this.run.pictureFile('reconstructions', epoch), drawGrid(pairs, this.shape, RECONSTRUCTION_COLUMNS));
    const column = encodeColumn((await this.trained.reconstruct(this.followed, 1, this.seed)).pictures, this.shape);
    const file = this.run.pictureFile('history', epoch);
    writeFile(file, column);
    // Read back, so that a resumed run draws the same.
    this.history[epoch - 1] = decodeColumn(column, this.shape, file);
    if (performance.now() - this.overviewDrawn > OVERVIEW_EVERY) await this.drawOverview();
  }

  /** The reconstruction history, and the curves. */
  async drawOverview(): Promise<void> {
    const { originals } = await this.trained.reconstruct(this.followed, 1, this.seed);
    const known = this.history.filter((column) => column !== undefined);
    if (known.length > 0) {
      const first = this.history.findIndex((column) => column !== undefined) + 1;
      writeFile(this.run.file('reconstruction-history.png'), drawHistory([originals, ...known], this.shape, first));
    }
    drawCurves(this.run);
    this.overviewDrawn = performance.now();
  }

  release = (): Promise<void> => this.trained.release();
}

/** Draws what metrics.jsonl and curves.jsonl hold. */
function drawCurves(run: RunDirectory): void {
  const epochs = run.metrics<EpochRecord>();
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

  const steps = run.curves<StepRecord>();
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
