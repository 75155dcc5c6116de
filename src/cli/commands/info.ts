/** vae info: what a checkpoint holds. */

import type { Command } from 'commander';
import { type ModelOptions, withCheckpointOptions } from '../options.ts';

export function registerInfo(program: Command): void {
  const command = program
    .command('info')
    .description('show what a checkpoint holds: its network, settings and progress');
  withCheckpointOptions(command).option('--json', 'print it as JSON').action(info);
}

async function info({ json, ...options }: ModelOptions & { readonly json?: true }): Promise<void> {
  const { findCheckpoint } = await import('../model.ts');
  const { createModel } = await import('../../programs/programs.ts');
  const { formatContract, likelihoodContract } = await import('../../settings/contract.ts');
  const { nats, result } = await import('../terminal.ts');
  const { file, checkpoint } = findCheckpoint(options);
  const { config, imageShape, progress, parameters, moments } = checkpoint;
  const shapes = Object.fromEntries(parameters.map(({ name, shape }) => [name, shape]));
  const count = parameters.reduce((sum, { values }) => sum + values.length, 0);
  if (json) {
    result(
      JSON.stringify({ checkpoint: file, config, imageShape, progress, parameters: shapes, parameterCount: count }),
    );
    return;
  }
  const { encoder, decoder } = createModel(config, imageShape).vae;
  const best = progress.best && `, best epoch ${progress.best.epoch} at a bound of ${nats(progress.best.bound)} nats`;
  result(`${file}: ${progress.epoch} epochs, ${progress.step} updates${best ?? ''}`);
  result(formatContract(likelihoodContract(config)));
  result(
    `images ${imageShape.join(' × ')}, ${config.latent} latents, ${count} parameters, moments: ${Object.keys(moments).join(', ')}`,
  );
  result(`encoder: ${encoder.pytorch}`);
  result(`decoder: ${decoder.pytorch}`);
  for (const [name, shape] of Object.entries(shapes)) result(`  ${name} [${shape.join(', ')}]`);
  for (const [field, value] of Object.entries(config))
    result(`${field}: ${Array.isArray(value) ? value.join(',') : value}`);
}
