/** What a training prints: an introduction, a table of its epochs, and how it ended. */

import { counted } from '../../base/words.ts';
import { binarisations } from '../../data/binarise.ts';
import type { Dataset } from '../../data/dataset.ts';
import type { Engine } from '../../engines/engine.ts';
import type { Model } from '../../programs/programs.ts';
import type { RunDirectory } from '../../runs/run-directory.ts';
import { bitsPerDimension, formatContract, likelihoodContract, numberName, unitOf } from '../../settings/contract.ts';
import type { RunConfig } from '../../settings/table.ts';
import type { EpochRecord } from '../../training/records.ts';
import type { Trainer } from '../../training/trainer.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { columnsOf, note, noteCommand, result, sentence } from '../shared/terminal.ts';
import { formatProgress, nats, shellQuoted } from '../shared/words.ts';
import { EpochTable, formatVariances } from './epoch-table.ts';

export function announce(
  run: RunDirectory,
  engine: Engine,
  { vae, config }: Model,
  { train: set, test }: Dataset,
  trainer: Trainer,
  withoutLatents: number | undefined,
) {
  const parameters = vae.parameters.reduce((sum, { tensor }) => sum + tensor.size, 0);
  note(
    `${run.folder}: ${set.count} training and ${counted(test.count, 'test image')}; ${parameters} parameters; ${engine.description}; seed ${config.seed}`,
  );
  note(formatContract(likelihoodContract(config)));
  if (withoutLatents !== undefined) note(yardstickLine(withoutLatents, vae.pixels, config));
  if (trainer.progress.step > 0) note(`resumed after ${formatProgress(trainer.progress)}`);
}

/** What the bound is to be compared with; of whole pixels, also noise of which every value is as likely. */
export function yardstickLine(withoutLatents: number, values: number, config: RunConfig): string {
  const bits = bitsPerDimension(withoutLatents, values, config);
  const noise = binarisations[config.binarize].isBinary ? '1 bit/dim' : '8 bits/dim';
  const inBits = bits === undefined ? '' : `, ${bits.toFixed(2)} bits/dim; uniform noise: ${noise}`;
  return `without latents, one distribution per pixel for all images: ${nats(withoutLatents)} nats${inBits}`;
}

/** Prints a row for each epoch, below a head. */
export function epochPrinter(config: RunConfig, trainer: Trainer, values: number) {
  const table = new EpochTable({ config, epochs: epochsOf(trainer), values }, columnsOf(process.stdout));
  let begun = false;
  return (record: EpochRecord, seconds: number): void => {
    if (!begun) {
      sentence(table.caption);
      result(table.head);
    }
    begun = true;
    result(table.row(record, seconds));
    if (record.gradientVariance !== undefined) sentence(`  ${formatVariances(record.gradientVariance)}`);
  };
}

/** Epochs of the whole run; the last one may be cut short. */
export const epochsOf = ({ totalSteps, stepsPerEpoch }: Trainer): number => Math.ceil(totalSteps / stepsPerEpoch);

/** Tells after each update how many seconds the whole run will still take, evaluations and pictures included. */
export function runClock({ progress, totalSteps }: Trainer) {
  const [began, first] = [performance.now(), progress.step];
  return (step: number): number => ((performance.now() - began) / 1000 / (step - first)) * (totalSteps - step);
}

export function conclude(run: RunDirectory, { best, progress }: Trainer, config: RunConfig): void {
  if (best === undefined) return;
  const [images, advice] =
    config.validation > 0 ? ['validation', ''] : ['test', ' (with --validation n it is chosen on images set aside)'];
  const number = `${images} ${numberName(config)} ${nats(best.bound)}, ${unitOf(config)}${advice}`;
  // An epoch that was cut short may look better: with more steps it would go on.
  const isCut = progress.batch > 0 && best.epoch <= progress.epoch;
  const cut = isCut ? `; epoch ${progress.epoch + 1} was cut short, so it does not count` : '';
  note(`best epoch ${best.epoch}: ${number}${cut}; pictures in ${run.file('samples')}`);
  const folder = shellQuoted(run.folder);
  const next = objectives[config.objective].hasPrior
    ? `vae sample --run ${folder} -n 49 --out grid.png`
    : `vae compare ${folder}`;
  noteCommand('next', next);
}
