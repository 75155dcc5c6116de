/** vae compare: several runs on the same test images, as one table and one picture. */

import path from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../../base/errors.ts';
import { writeFile } from '../../base/files.ts';
import { integer } from '../../base/rules.ts';
import { type ImageShape, oneOfEachClass, pixelsAt } from '../../data/dataset.ts';
import { latentStatistics } from '../../evaluation/latent-statistics.ts';
import { concatenated, layGrid } from '../../report/grid.ts';
import { formatContract, likelihoodContract } from '../../settings/contract.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { defineCommand } from '../shared/command.ts';
import { withPart } from '../shared/dataset.ts';
import { type LoadedModel, measureBound, withModel } from '../shared/model.ts';
import { addEngineOptions, type EngineOptions, numberOption, pictureOption, seedOption } from '../shared/options.ts';
import { note, result } from '../shared/terminal.ts';
import { nats } from '../shared/words.ts';

interface CompareOptions extends EngineOptions {
  readonly out: string;
  readonly limit: number;
  readonly seed: number;
}

/** Images per row of the picture. */
const COLUMNS = 10;

function define(command: Command): void {
  command
    .argument('<runs...>', 'folders of runs')
    .addOption(pictureOption('comparison.png'))
    .addOption(numberOption('--limit <n>', 'number of test images to measure on', integer(1)).default(10_000))
    .addOption(seedOption('random seed of the samples'));
  addEngineOptions(command);
}

/** One run, measured on the test images. */
interface Row {
  readonly run: string;
  readonly epoch: number;
  /** What the bound is measured on; bounds with different contracts cannot be compared. */
  readonly contract: string;
  /** None of a plain autoencoder, which has no prior. */
  readonly hasBound: boolean;
  readonly bound: number;
  readonly logLikelihood: number;
  readonly kl: number;
  /** Between an image and what is decoded at the mean of its posterior; averaged over images and pixels in [0, 1]. */
  readonly squaredError: number;
  readonly activeUnits: number;
}

/** One run: its row of the table, and its rows of the picture. */
interface Comparison {
  readonly row: Row;
  readonly imageShape: ImageShape;
  readonly originals: Float32Array;
  readonly reconstructions: Float32Array;
  /** A plain autoencoder has no prior to sample from. */
  readonly samples?: Float32Array;
}

async function compare(options: CompareOptions, runs: readonly string[]) {
  const compared: Comparison[] = [];
  for (const run of runs) {
    const first = compared[0]?.imageShape.join(' × ');
    compared.push(
      await withModel({ ...options, run }, [], (loaded) => {
        const own = loaded.imageShape.join(' × ');
        if (own === (first ?? own)) return measureRun(loaded, run, options);
        throw new InputError(`${run}: its images are ${own}, those of ${runs[0]} ${first}`);
      }),
    );
    note(`${run}: ${compared.at(-1)!.row.contract}`);
  }
  writeFile(options.out, drawComparison(compared));
  return { out: options.out, runs: compared.map(({ row }) => row) };
}

function measureRun(loaded: LoadedModel, run: string, { limit, seed }: CompareOptions): Promise<Comparison> {
  const { checkpoint, model, trained, imageShape, latent } = loaded;
  const { config } = model;
  return withPart(loaded, { split: 'test', limit }, async ({ set, classes }) => {
    const { originals, pictures } = await trained.reconstruct(
      pixelsAt(set, oneOfEachClass(set, classes, COLUMNS)),
      1,
      seed,
    );
    const row = {
      run: path.basename(path.resolve(run)),
      epoch: checkpoint.progress.epoch,
      contract: formatContract(likelihoodContract(config)),
      hasBound: objectives[config.objective].hasPrior,
      ...(await measureBound(loaded, set)),
      squaredError: await trained.squaredError(set),
      activeUnits: latentStatistics(await trained.encode(set), latent).activeUnits,
    };
    const compared = { row, imageShape, originals, reconstructions: pictures };
    if (!row.hasBound) return compared;
    return { ...compared, samples: await trained.decode(await trained.draw(COLUMNS, seed)) };
  });
}

/** Originals; a row of reconstructions per run; a row of samples per run. */
function drawComparison(compared: readonly Comparison[]): Buffer {
  const [{ originals, imageShape }] = compared;
  const rows = [
    { name: 'original', images: originals },
    ...compared.map(({ row, reconstructions }) => ({ name: row.run, images: reconstructions })),
    ...compared.flatMap(({ row, samples }) => (samples ? [{ name: `drawn: ${row.run}`, images: samples }] : [])),
  ];
  const images = concatenated(rows.map((row) => row.images));
  return layGrid(images, imageShape, { columns: COLUMNS, rowNames: rows.map(({ name }) => name) }).png();
}

function print({ out, runs }: Awaited<ReturnType<typeof compare>>): void {
  if (new Set(runs.map(({ contract }) => contract)).size > 1) {
    note('the runs differ in data, likelihood or objective, as the lines above show: do not compare their bounds');
  }
  const cells = runs.map((row) => [
    row.run,
    String(row.epoch),
    row.hasBound ? nats(row.bound) : '–',
    nats(row.logLikelihood),
    row.hasBound ? nats(row.kl) : '–',
    row.squaredError.toFixed(5),
    String(row.activeUnits),
  ]);
  const table = [['run', 'epoch', 'bound', 'log likelihood', 'KL', 'squared error', 'active units'], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  for (const line of table) {
    result(line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
  }
  result(`${out}: originals, reconstructions, and samples of each run`);
}

export const command = defineCommand({ define, run: compare, print });
