/** vae evaluate: what a model is worth on images it has not seen. */

import type { Command } from 'commander';
import { choice, integer } from '../../base/rules.ts';
import {
  checkedOption,
  type ModelOptions,
  numberOption,
  pathOption,
  SPLITS,
  type Split,
  seedOption,
  withModelOptions,
} from '../options.ts';

interface EvaluateOptions extends ModelOptions {
  readonly samples?: number;
  readonly split: Split;
  readonly limit?: number;
  readonly dataDir?: string;
  readonly seed: number;
  readonly json?: true;
}

/** Latents that cost less are not listed one by one, in nats. */
const LEAST_KL = 0.05;

export function registerEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .description('measure a model: its bound, and with --samples log p(x), if its data are binarised');
  withModelOptions(command)
    .addOption(
      numberOption(
        '--samples <n>',
        'importance samples per image for log p(x); without it only the bound',
        integer(1, 1_000_000),
      ),
    )
    .addOption(checkedOption('--split <name>', SPLITS.join(', '), choice(SPLITS)).default('test'))
    .addOption(numberOption('--limit <n>', 'use only the first n images', integer(1)))
    .addOption(pathOption('--data-dir <folder>', 'read the data from here (default: where it was read in training)'))
    .addOption(seedOption('of the importance samples'))
    .option('--json', 'print the result as JSON')
    .action(evaluate);
}

async function evaluate({ samples, split, limit, dataDir, seed, json, ...options }: EvaluateOptions): Promise<void> {
  const { loadModel } = await import('../model.ts');
  const { loadPart } = await import('../dataset.ts');
  const { closeDataset } = await import('../../data/dataset.ts');
  const { InputError } = await import('../../base/errors.ts');
  const { BoundEvaluator, estimateLogEvidence } = await import('../../evaluation/bound.ts');
  const { latentStatistics } = await import('../../evaluation/latent-statistics.ts');
  const { bitsPerDimension, formatContract, likelihoodContract } = await import('../../settings/contract.ts');
  const { comparableRows } = await import('../../settings/published.ts');
  const { nats, note, result, startBar } = await import('../terminal.ts');

  const { file, checkpoint, engine, model, state, trained } = await loadModel(options);
  const { config, vae } = model;
  const contract = likelihoodContract(config);
  if (samples !== undefined && (config.objective === 'autoencoder' || contract.kind === 'error')) {
    throw new InputError(`${file}: a plain autoencoder has no prior, so there is no log p(x); leave --samples out`);
  }
  const part = { split, ...(limit && { limit }), ...(dataDir && { dataDir }) };
  const { dataset, set } = await loadPart(file, model, part);

  const evaluator = new BoundEvaluator(engine, state, model, set);
  const bound = (await evaluator.measure())!;
  await evaluator.release();
  const latents = latentStatistics(await trained.encode(set), config.latent);
  await trained.release();
  let evidence: Awaited<ReturnType<typeof estimateLogEvidence>> | undefined;
  if (samples !== undefined) {
    const bar = startBar(`log p(x), ${samples} samples`, set.count, 0, 'images');
    evidence = await estimateLogEvidence(engine, state, model, set, samples, seed, (done) =>
      bar.update(done, {}),
    ).finally(bar.stop);
  }
  closeDataset(dataset);

  const bits = (value: number): number | undefined => bitsPerDimension(value, vae.pixels, config);
  const published = split === 'test' && set.count === dataset.test.count ? comparableRows(config) : [];
  if (json) {
    const { epoch, step } = checkpoint.progress;
    const importance = evidence && { samples, seed, ...evidence, bitsPerDimension: bits(evidence.logEvidence) };
    const head = { checkpoint: file, epoch, step, split, images: set.count, contract };
    result(JSON.stringify({ ...head, ...bound, bitsPerDimension: bits(bound.bound), importance, latents, published }));
    return;
  }
  const { epoch, step } = checkpoint.progress;
  note(`${file}: epoch ${epoch}, ${step} updates, ${set.count} ${split} images, run's seed ${config.seed}`);
  note(formatContract(contract));
  const inBits = (value: number): string => (bits(value) === undefined ? '' : `, ${bits(value)!.toFixed(3)} bits/dim`);
  if (config.objective === 'autoencoder') {
    const error = -bound.bound;
    const kind = contract.kind === 'error' ? 'squared error' : 'minus log likelihood';
    result(`${split} ${kind} ${error.toFixed(3)} per image, ${(error / vae.pixels).toFixed(5)} per pixel`);
  } else {
    const draws = `${config.samples} sample${config.samples === 1 ? '' : 's'}`;
    result(
      `${split} bound ${nats(bound.bound)} nats${inBits(bound.bound)} (log likelihood ${nats(bound.logLikelihood)}, KL ${nats(bound.kl)}; ${draws})`,
    );
  }
  if (evidence !== undefined) {
    const { logEvidence, standardError } = evidence;
    const name = contract.kind === 'cross-entropy' ? 'importance-weighted bound (no log p(x): see above)' : 'log p(x)';
    result(
      `${split} ${name} ${nats(logEvidence)} ± ${standardError.toFixed(2)} nats${inBits(logEvidence)} (${samples} importance samples, seed ${seed})`,
    );
  }
  result(`active units ${latents.activeUnits} of ${config.latent}`);
  if (latents.kl !== undefined) {
    const sorted = latents.kl.toSorted((a, b) => b - a);
    const shown = sorted.filter((kl) => kl >= LEAST_KL).map((kl) => kl.toFixed(2));
    const others = sorted.slice(shown.length);
    const listed = shown.length === 0 ? `none above ${LEAST_KL}` : shown.join(' ');
    const rest =
      others.length === 0
        ? ''
        : `; the other ${others.length} together ${others.reduce((sum, kl) => sum + kl, 0).toFixed(2)}`;
    result(`KL of each latent, in nats, largest first: ${listed}${rest}`);
  }
  for (const row of published) result(`published: ${row.source} (${row.setup}): ${row.result}`);
}
