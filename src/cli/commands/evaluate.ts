/** vae evaluate: how good a model is on images that it was not trained on. */

import type { Command } from 'commander';
import { InputError } from '../../base/errors.ts';
import { integer } from '../../base/rules.ts';
import { counted } from '../../base/words.ts';
import type { ImageSet } from '../../data/dataset.ts';
import { estimateLogEvidence, type ImportanceEstimate } from '../../evaluation/bound.ts';
import { type LatentStatistics, latentStatistics } from '../../evaluation/latent-statistics.ts';
import { bitsPerDimension, formatContract, klName, likelihoodContract, termsName } from '../../settings/contract.ts';
import { comparableRows } from '../../settings/published.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { defineCommand } from '../shared/command.ts';
import { withPart } from '../shared/dataset.ts';
import { type LoadedModel, measureBound, withModel } from '../shared/model.ts';
import {
  addModelOptions,
  addPartOptions,
  checkedOption,
  type ModelOptions,
  type PartOptions,
  seedOption,
} from '../shared/options.ts';
import { startBar } from '../shared/progress-bar.ts';
import { note, sentence } from '../shared/terminal.ts';
import { formatProgress, nats } from '../shared/words.ts';

interface EvaluateOptions extends ModelOptions, PartOptions {
  readonly samples?: number;
  readonly seed: number;
}

/** Latents with a smaller KL, in nats, are not listed one by one, nor are more than so many: a map has a thousand. */
const LEAST_KL = 0.05;
const MOST_LISTED = 50;

function define(command: Command): void {
  command
    .addOption(
      checkedOption(
        '--samples <n>',
        'also estimate log p(x) from n importance samples per image (of binarised images; of others a tighter bound)',
        integer(1, 1_000_000),
      ),
    )
    .addOption(seedOption('random seed of the importance samples'));
  addPartOptions(addModelOptions(command));
}

const measure = (options: EvaluateOptions) =>
  withModel(options, [], async (loaded) => {
    const { file, checkpoint, model, latent } = loaded;
    const { config, vae } = model;
    const { samples, split } = options;
    const contract = likelihoodContract(config);
    // A plain autoencoder has no prior, and so no bound.
    const hasBound = objectives[config.objective].hasPrior;
    if (samples !== undefined && (!hasBound || contract.kind === 'error')) {
      throw new InputError(`${file}: a plain autoencoder has no prior, so there is no log p(x); leave --samples out`);
    }
    const bits = (value: number) => {
      const found = bitsPerDimension(value, vae.pixels, config);
      return found === undefined ? {} : { bitsPerDimension: found };
    };
    return withPart(loaded, options, async ({ set, whole }) => {
      const bound = await measureBound(loaded, set);
      const latents = latentStatistics(await loaded.trained.encode(set), latent);
      const evidence = samples === undefined ? undefined : await estimateEvidence(loaded, set, samples, options.seed);
      const { epoch, batch, step } = checkpoint.progress;
      return {
        checkpoint: file,
        epoch,
        batch,
        step,
        runSeed: config.seed,
        split,
        images: set.count,
        values: vae.pixels,
        contract,
        hasBound,
        terms: termsName(config),
        klName: klName(config),
        samples: config.samples,
        ...bound,
        ...bits(bound.bound),
        ...(evidence && { importance: { ...evidence, ...bits(evidence.logEvidence) } }),
        latents,
        published: split === 'test' && whole ? comparableRows(config) : [],
      };
    });
  });

interface Importance extends ImportanceEstimate {
  readonly samples: number;
  readonly seed: number;
}

async function estimateEvidence(
  { engine, state, model }: LoadedModel,
  set: ImageSet,
  samples: number,
  seed: number,
): Promise<Importance> {
  const bar = startBar(`log p(x), ${samples} samples`, set.count, 0, 'images');
  const show = (done: number): void => bar.update(done, {});
  const estimate = await estimateLogEvidence(engine, state, model, set, samples, seed, show).finally(bar.stop);
  return { samples, seed, ...estimate };
}

type Evaluation = Awaited<ReturnType<typeof measure>>;

function print(evaluation: Evaluation): void {
  const { checkpoint, runSeed, split, images, contract, importance, latents, published } = evaluation;
  note(`${checkpoint}: ${formatProgress(evaluation)}; ${counted(images, `${split} image`)}; run's seed ${runSeed}`);
  note(formatContract(contract));
  sentence(`${split} ${evaluation.hasBound ? formatBound(evaluation) : formatError(evaluation)}`);
  if (importance !== undefined) sentence(`${split} ${formatEvidence(importance, contract.kind === 'cross-entropy')}`);
  const { layerKl } = evaluation;
  if (layerKl) sentence(`KL of each layer of latents, in nats, from the top: ${layerKl.map(nats).join(' ')}`);
  printLatents(latents);
  for (const row of published) sentence(`published: ${row.source} (${row.setup}): ${row.result}`);
}

const formatBits = (bits: number | undefined): string => (bits === undefined ? '' : `, ${bits.toFixed(3)} bits/dim`);

function formatBound({ bound, bitsPerDimension: bits, logLikelihood, kl, samples, ...names }: Evaluation): string {
  const terms = `${names.terms} ${nats(logLikelihood)}, ${names.klName} ${nats(kl)}; ${counted(samples, 'sample')}`;
  return `bound ${nats(bound)} nats${formatBits(bits)} (${terms})`;
}

/** Of a plain autoencoder. */
function formatError({ bound, contract, values }: Evaluation): string {
  const kind = contract.kind === 'error' ? 'squared error' : 'minus log likelihood';
  return `${kind} ${(-bound).toFixed(3)} per image, ${(-bound / values).toFixed(5)} per pixel`;
}

function formatEvidence(
  { logEvidence, standardError, bitsPerDimension: bits, samples, seed }: NonNullable<Evaluation['importance']>,
  isCrossEntropy: boolean,
): string {
  const name = isCrossEntropy ? 'importance-weighted bound (no log p(x): see above)' : 'log p(x)';
  const estimate = `${nats(logEvidence)} ± ${standardError.toFixed(2)} nats${formatBits(bits)}`;
  return `${name} ${estimate} (${samples} importance samples, seed ${seed})`;
}

function printLatents({ activeUnits, meanVariance, kl }: LatentStatistics): void {
  sentence(`active units ${activeUnits} of ${meanVariance.length}`);
  if (kl === undefined) return;
  const sorted = kl.toSorted((a, b) => b - a);
  const shown = sorted.filter((value, i) => value >= LEAST_KL && i < MOST_LISTED).map(nats);
  const others = sorted.slice(shown.length);
  const listed = shown.length === 0 ? `none above ${LEAST_KL}` : shown.join(' ');
  const sum = others.reduce((total, value) => total + value, 0);
  const rest = others.length === 0 ? '' : `; the other ${others.length} together ${nats(sum)}`;
  sentence(`KL of each latent, in nats, largest first: ${listed}${rest}`);
}

export const command = defineCommand({ define, run: measure, print });
