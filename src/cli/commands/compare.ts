/** vae compare: several runs on the same test images, as one table and one picture. */

import path from 'node:path';
import type { Command } from 'commander';
import { integer } from '../../base/rules.ts';
import type { EngineName } from '../../engines/index.ts';
import { DEVICE_HELP, deviceOption, numberOption, pathOption, seedOption, THREADS_RULE } from '../options.ts';

interface CompareOptions {
  readonly out: string;
  readonly limit: number;
  readonly seed: number;
  readonly device?: EngineName;
  readonly threads?: number;
  readonly json?: true;
}

/** Images a row of the picture. */
const COLUMNS = 10;

export function registerCompare(program: Command): void {
  program
    .command('compare')
    .description('measure several runs on the same test images, and draw what they make of them')
    .argument('<runs...>', 'folders of runs')
    .addOption(pathOption('--out <file>', 'the PNG to write').default('comparison.png'))
    .addOption(numberOption('--limit <n>', 'test images to measure on', integer(1)).default(10_000))
    .addOption(seedOption('of the samples'))
    .addOption(deviceOption(`${DEVICE_HELP} (default: that of each run)`))
    .addOption(numberOption('--threads <n>', 'CPU threads (default: all)', THREADS_RULE))
    .option('--json', 'print the table as JSON')
    .action(compare);
}

/** Of one run, on the test images. */
interface Row {
  readonly run: string;
  readonly epoch: number;
  /** What its bound is of; numbers of different ones are no match for each other. */
  readonly contract: string;
  readonly bound: number;
  readonly logLikelihood: number;
  readonly kl: number;
  /** Mean over pixels in [0, 1] and images, between an image and what is decoded at the centre of its posterior. */
  readonly squaredError: number;
  readonly activeUnits: number;
}

async function compare(runs: readonly string[], { out, limit, seed, json, ...options }: CompareOptions): Promise<void> {
  const { loadModel } = await import('../model.ts');
  const { loadPart } = await import('../dataset.ts');
  const { closeDataset, oneOfEachClass, pixelsAt } = await import('../../data/dataset.ts');
  const { InputError } = await import('../../base/errors.ts');
  const { protectSources, writeFile } = await import('../../base/files.ts');
  const { concatenated, layGrid } = await import('../../report/grid.ts');
  const { formatContract, likelihoodContract } = await import('../../settings/contract.ts');
  const { BoundEvaluator } = await import('../../evaluation/bound.ts');
  const { drawLatents } = await import('../../inference/trained-model.ts');
  const { latentStatistics } = await import('../../evaluation/latent-statistics.ts');
  const { note } = await import('../terminal.ts');

  const rows: Row[] = [];
  const pictures: { name: string; images: Float32Array }[] = [];
  const samples: { name: string; images: Float32Array }[] = [];
  let shape: readonly [number, number, number] | undefined;
  for (const run of runs) {
    const { file, checkpoint, engine, model, state, trained } = await loadModel({ ...options, run });
    protectSources(out, [file]);
    const { config, vae } = model;
    const own = vae.config.imageShape;
    shape ??= own;
    if (own.join() !== shape.join()) {
      throw new InputError(`${run}: its images are ${own.join(' × ')}, those of ${runs[0]} ${shape.join(' × ')}`);
    }
    const { dataset, set } = await loadPart(file, model, { split: 'test', limit });
    const evaluator = new BoundEvaluator(engine, state, model, set);
    const bound = (await evaluator.measure())!;
    await evaluator.release();
    const { activeUnits } = latentStatistics(await trained.encode(set), config.latent);
    const squaredError = await trained.squaredError(set);
    const name = path.basename(path.resolve(run));
    const contract = formatContract(likelihoodContract(config));
    rows.push({ run: name, epoch: checkpoint.progress.epoch, contract, ...bound, squaredError, activeUnits });

    const shown = await trained.reconstruct(pixelsAt(set, oneOfEachClass(set, dataset.classes, COLUMNS)), 1, seed);
    if (pictures.length === 0) pictures.push({ name: 'original', images: shown.originals });
    pictures.push({ name, images: shown.pictures });
    if (config.objective !== 'autoencoder') {
      samples.push({ name: `drawn: ${name}`, images: await trained.decode(drawLatents(COLUMNS, config.latent, seed)) });
    }
    await trained.release();
    closeDataset(dataset);
    note(`${run}: ${contract}`);
  }
  const lines = [...pictures, ...samples];
  const images = concatenated(lines.map((line) => line.images));
  writeFile(out, layGrid(images, shape!, { columns: COLUMNS, rowNames: lines.map(({ name }) => name) }).png());
  await printTable(rows, out, json === true);
}

async function printTable(rows: readonly Row[], out: string, json: boolean): Promise<void> {
  const { nats, note, result } = await import('../terminal.ts');
  if (json) {
    result(JSON.stringify({ out, runs: rows }));
    return;
  }
  if (new Set(rows.map(({ contract }) => contract)).size > 1) {
    note('the bounds are of different data, likelihoods or objectives, as the lines above say: do not compare them');
  }
  const cells = rows.map((row) => [
    row.run,
    String(row.epoch),
    nats(row.bound),
    nats(row.logLikelihood),
    nats(row.kl),
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
