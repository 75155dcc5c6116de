/** What a training prints: an introduction, a line per epoch, and how it ended. */

import type { Dataset } from '../../data/dataset.ts';
import type { Engine } from '../../engines/engine.ts';
import type { Spread } from '../../evaluation/gradient-variance.ts';
import type { Model } from '../../programs/programs.ts';
import type { RunDirectory } from '../../runs/run-directory.ts';
import { formatContract, likelihoodContract, numberName, termsName } from '../../settings/contract.ts';
import type { RunConfig } from '../../settings/table.ts';
import type { EpochRecord } from '../../training/records.ts';
import type { Trainer } from '../../training/trainer.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { note, result } from '../shared/terminal.ts';
import { counted, formatSeconds, nats } from '../shared/words.ts';

export function announce(
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
  if (step > 0) note(`resumed after ${counted(epoch, 'epoch')} and ${step} updates`);
}

export function showEpoch(
  { epoch, train: trained, validation, test, gradientVariance }: EpochRecord,
  config: RunConfig,
  trainer: Trainer,
  seconds: number,
): void {
  const epochs = epochsOf(trainer);
  const name = numberName(config);
  const terms = `(${termsName(config)} ${nats(test.logLikelihood)}, KL ${nats(test.kl)} nats)`;
  const parts = [
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
    `train ${name} ${nats(trained.bound)}`,
    ...(validation === undefined ? [] : [`validation ${name} ${nats(validation.bound)}`]),
    `test ${name} ${nats(test.bound)}${objectives[config.objective].hasPrior ? ` ${terms}` : ''}`,
    formatSeconds(seconds),
  ];
  result(parts.join('  '));
  if (gradientVariance !== undefined) {
    const spread = ([name, { variance }]: [string, Spread]) => `${name} ${variance.toPrecision(3)}`;
    result(`  variance of the encoder's gradient: ${Object.entries(gradientVariance).map(spread).join(', ')}`);
  }
}

/** Epochs of the whole run; the last one may be cut short. */
export const epochsOf = ({ totalSteps, stepsPerEpoch }: Trainer): number => Math.ceil(totalSteps / stepsPerEpoch);

export function conclude(run: RunDirectory, { best }: Trainer, config: RunConfig): void {
  if (best === undefined) return;
  const name = numberName(config);
  const by =
    config.validation > 0
      ? `validation ${name}`
      : `test ${name} (with --validation n it is chosen on images set aside)`;
  note(`best epoch ${best.epoch}, ${nats(best.bound)} nats by its ${by}; pictures in ${run.file('samples')}`);
  const next = objectives[config.objective].hasPrior
    ? `vae sample --run ${run.folder} -n 49 --out grid.png`
    : `vae compare ${run.folder}`;
  note(`next: ${next}`);
}
