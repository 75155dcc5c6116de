/** vae evaluate: what a model is worth on images it has not seen. */

import type { Command } from 'commander';
import { choice, integer } from '../rules.ts';
import {
  asText,
  checkedOption,
  type ModelOptions,
  numberOption,
  pathOption,
  seedOption,
  withModelOptions,
} from './options.ts';

interface EvaluateOptions extends ModelOptions {
  readonly samples?: number;
  readonly split: 'test' | 'validation' | 'train';
  readonly limit?: number;
  readonly dataDir?: string;
  readonly seed: number;
  readonly json?: true;
}

const SPLITS = ['test', 'validation', 'train'] as const;

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
    .addOption(checkedOption('--split <name>', SPLITS.join(', '), choice(SPLITS), asText).default('test'))
    .addOption(numberOption('--limit <n>', 'use only the first n images', integer(1)))
    .addOption(pathOption('--data-dir <folder>', 'read the data from here (default: where it was read in training)'))
    .addOption(seedOption('of the importance samples'))
    .option('--json', 'print the result as JSON')
    .action(evaluate);
}

async function evaluate({ samples, split, limit, dataDir, seed, json, ...options }: EvaluateOptions): Promise<void> {
  const { loadModel } = await import('./model.ts');
  const { loadDataset } = await import('../data/index.ts');
  const { firstImages } = await import('../data/dataset.ts');
  const { InputError } = await import('../errors.ts');
  const { BoundEvaluator, estimateLogEvidence } = await import('../training/evaluation.ts');
  const { formatContract, likelihoodContract } = await import('../training/contract.ts');
  const { nats, note, result, startBar } = await import('./terminal.ts');

  const { file, checkpoint, engine, model, state } = await loadModel(options);
  const { config } = model;
  const folder = dataDir ?? config.dataDir;
  const dataset = await loadDataset(
    { ...config, binarise: config.binarize, ...(folder && { dataDir: folder }) },
    { note, progress: () => {} },
  );
  if (dataset.imageShape.join() !== model.vae.config.imageShape.join()) {
    const [has, needs] = [dataset.imageShape, model.vae.config.imageShape].map((shape) => shape.join(' × '));
    throw new InputError(`the images are ${has}, but ${file} was trained on ${needs}`);
  }
  const whole = dataset[split];
  if (whole.count === 0) throw new InputError(`${file}: its run set no images aside for validation; use --split test`);
  const set = limit === undefined ? whole : firstImages(whole, limit);

  const evaluator = new BoundEvaluator(engine, state, model, set);
  const bound = (await evaluator.measure())!;
  await evaluator.release();
  let evidence: Awaited<ReturnType<typeof estimateLogEvidence>> | undefined;
  if (samples !== undefined) {
    const bar = startBar(`log p(x), ${samples} samples`, set.count, 0, 'images');
    evidence = await estimateLogEvidence(engine, state, model, set, samples, seed, (done) =>
      bar.update(done, {}),
    ).finally(bar.stop);
  }

  const contract = likelihoodContract(config);
  if (json) {
    const { epoch, step } = checkpoint.progress;
    const importance = evidence && { samples, seed, ...evidence };
    result(JSON.stringify({ checkpoint: file, epoch, step, split, images: set.count, contract, ...bound, importance }));
    return;
  }
  note(`${file}: epoch ${checkpoint.progress.epoch}, ${set.count} ${split} images, run's seed ${config.seed}`);
  note(formatContract(contract));
  const draws = `${config.samples} sample${config.samples === 1 ? '' : 's'}`;
  result(
    `${split} bound ${nats(bound.bound)} nats (log likelihood ${nats(bound.logLikelihood)}, KL ${nats(bound.kl)}; ${draws})`,
  );
  if (evidence !== undefined) {
    const name = contract.kind === 'cross-entropy' ? 'importance-weighted bound (no log p(x): see above)' : 'log p(x)';
    result(
      `${split} ${name} ${nats(evidence.logEvidence)} ± ${evidence.standardError.toFixed(2)} nats (${samples} importance samples, seed ${seed})`,
    );
  }
}
