/** vae train. What it does is in `train-run.ts`, loaded when it is needed. */

import type { Command } from 'commander';
import { type TrainOptions, trainOptions } from '../train/options.ts';

export function registerTrain(program: Command): void {
  const command = program.command('train').description('train a model; writes checkpoints and pictures every epoch');
  for (const option of trainOptions()) command.addOption(option);
  command.action(async (options: TrainOptions) => (await import('../train/run.ts')).train(options));
}
