/** vae compare: several runs on the same test images, as one table and one picture. */

import path from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../../base/errors.ts';
import { writeFile } from '../../base/files.ts';
import { integer } from '../../base/rules.ts';
import { type ImageShape, oneOfEachClass, pixelsAt } from '../../data/dataset.ts';
import { latentStatistics } from '../../evaluation/latent-statistics.ts';
import { concatenated, layGrid } from '../../report/grid.ts';
import {
  formatContract,
  isComparable,
  isEstimate,
  type LikelihoodContract,
  likelihoodContract,
} from '../../settings/contract.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { defineCommand } from '../shared/command.ts';
import { withPart } from '../shared/dataset.ts';
import { findCheckpoint, type LoadedModel, measureBound, withModel } from '../shared/model.ts';
import {
  addEngineOptions,
  checkedOption,
  dataDirOption,
  type EngineOptions,
  pictureOption,
  seedOption,
} from '../shared/options.ts';
import { note, result, sentence } from '../shared/terminal.ts';
import { nats, shellQuoted } from '../shared/words.ts';

interface CompareOptions extends EngineOptions {
  readonly out: string;
  readonly limit: number;
  readonly seed: number;
  readonly dataDir?: string;
}

/** Images per row of the picture. */
const COLUMNS = 10;

function define(command: Command): void {
  command
    .argument('<runs...>', 'folders of runs')
    .addOption(pictureOption('comparison.png'))
    .addOption(checkedOption('--limit <n>', 'number of test images to measure on', integer(1)).default(10_000))
    .addOption(dataDirOption())
    .addOption(seedOption('random seed of the samples'));
  addEngineOptions(command);
}

/** One run, measured on the test images. */
interface Row {
  readonly run: string;
  readonly epoch: number;
  readonly step: number;
  /** What the bound is measured on. */
  readonly contract: string;
  /** None of a plain autoencoder, which has no prior. */
  readonly hasBound: boolean;
  readonly bound: number;
  readonly logLikelihood: number;
  readonly kl: number;
  /** Of a flow, whose KL is estimated. */
  readonly klIsEstimate: boolean;
  /** Between an image and what is decoded at the mean of its posterior; averaged over images and pixels in [0, 1]. */
  readonly squaredError: number;
  readonly activeUnits: number;
}

/** One run: its row of the table, and its rows of the picture. */
interface Comparison {
  readonly row: Row;
  readonly contract: LikelihoodContract;
  readonly imageShape: ImageShape;
  readonly originals: Float32Array;
  readonly reconstructions: Float32Array;
  /** A plain autoencoder has no prior to sample from. */
  readonly samples?: Float32Array;
}

async function compare(options: CompareOptions, runs: readonly string[]) {
  checkRuns(runs);
  const compared: Comparison[] = [];
  for (const run of runs) {
    compared.push(await withModel({ ...options, run }, [], (loaded) => measureRun(loaded, run, options)));
    note(`${run}: ${compared.at(-1)!.row.contract}`);
  }
  writeFile(options.out, drawComparison(compared));
  const comparable = compared.every(({ contract }) => isComparable(contract, compared[0].contract));
  return { out: options.out, comparable, runs: compared.map(({ row }) => row) };
}

/**
 * Before minutes are spent on the first of them.
 * @throws InputError if one cannot be read, or its images have another shape.
 */
function checkRuns(runs: readonly string[]): void {
  const shapes = runs.map((run) => {
    try {
      return findCheckpoint({ run }).checkpoint.imageShape.join(' × ');
    } catch (error) {
      if (!(error instanceof InputError) || runs.length === 1) throw error;
      throw new InputError(`${error.problem}; to compare the others, leave ${shellQuoted(run)} out`);
    }
  });
  const odd = shapes.findIndex((shape) => shape !== shapes[0]);
  if (odd === -1) return;
  throw new InputError(
    `${runs[odd]}: its images are ${shapes[odd]}, those of ${runs[0]} ${shapes[0]}; compare runs on images of one shape`,
  );
}

function measureRun(loaded: LoadedModel, run: string, { limit, seed, dataDir }: CompareOptions): Promise<Comparison> {
  const { checkpoint, model, trained, imageShape, latent } = loaded;
  const { config } = model;
  return withPart(loaded, { split: 'test', limit, dataDir }, async ({ set, classes }) => {
    const { originals, pictures } = await trained.reconstruct(
      pixelsAt(set, oneOfEachClass(set, classes, COLUMNS)),
      1,
      seed,
    );
    const contract = likelihoodContract(config);
    const row = {
      run: path.basename(path.resolve(run)),
      epoch: checkpoint.progress.epoch,
      step: checkpoint.progress.step,
      contract: formatContract(contract),
      hasBound: objectives[config.objective].hasPrior,
      klIsEstimate: isEstimate(config),
      ...(await measureBound(loaded, set)),
      squaredError: await trained.squaredError(set),
      activeUnits: latentStatistics(await trained.encode(set), latent).activeUnits,
    };
    const compared = { row, contract, imageShape, originals, reconstructions: pictures };
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

function print({ out, comparable, runs }: Awaited<ReturnType<typeof compare>>): void {
  if (!comparable) {
    note('the runs differ in data, likelihood or objective, as the lines above show: do not compare their bounds');
  }
  const cells = runs.map((row) => [
    row.run,
    String(row.step),
    row.hasBound ? nats(row.bound) : '–',
    nats(row.logLikelihood),
    row.hasBound ? `${row.klIsEstimate ? '≈ ' : ''}${nats(row.kl)}` : '–',
    row.squaredError.toFixed(5),
    String(row.activeUnits),
  ]);
  const table = [['run', 'updates', 'bound', 'log p(x|z)', 'KL', 'squared error', 'active'], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  for (const line of table) {
    result(line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
  }
  sentence(`${out}: originals, reconstructions, and samples of each run`);
}

export const command = defineCommand({ define, run: compare, print });
