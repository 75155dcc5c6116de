/** vae info: what a checkpoint contains. */

import { counted, printable } from '../../base/words.ts';
import { createModel } from '../../programs/programs.ts';
import { formatContract, likelihoodContract, numberName, unitOf } from '../../settings/contract.ts';
import { mapShape } from '../../vae/latent-map.ts';
import { defineCommand } from '../shared/command.ts';
import { recordedSplit, runOf } from '../shared/dataset.ts';
import { formatFlags } from '../shared/flags.ts';
import { findCheckpoint } from '../shared/model.ts';
import { addCheckpointOptions, type CheckpointOptions } from '../shared/options.ts';
import { result, sentence } from '../shared/terminal.ts';
import { formatProgress, nats } from '../shared/words.ts';

async function read(options: CheckpointOptions) {
  const { file, checkpoint } = findCheckpoint(options);
  const { config, imageShape, progress, parameters, moments } = checkpoint;
  const { encoder, decoder, latents, layers } = createModel(config, imageShape).vae;
  const classes = recordedSplit(runOf(file))?.classes ?? [];
  return {
    checkpoint: file,
    config,
    imageShape,
    latents,
    layers,
    ...(classes.length > 0 && { classes }),
    progress,
    contract: likelihoodContract(config),
    encoder: encoder.pytorch,
    decoder: decoder.pytorch,
    parameters: Object.fromEntries(parameters.map(({ name, shape }) => [name, shape])),
    parameterCount: parameters.reduce((sum, { values }) => sum + values.length, 0),
    moments: Object.keys(moments),
  };
}

function print(info: Awaited<ReturnType<typeof read>>): void {
  const { checkpoint, config, imageShape, latents, layers, progress, contract, parameterCount, moments } = info;
  const best =
    progress.best &&
    `; best whole epoch ${progress.best.epoch}: ${numberName(config)} ${nats(progress.best.bound)}, ${unitOf(config)}`;
  sentence(`${checkpoint}: ${formatProgress(progress)}${best ?? ''}`);
  sentence(formatContract(contract));
  // From the top layer down.
  const places = [
    ...(mapShape(config.latent) ? [`a map of ${config.latent}`] : []),
    ...(layers.length > 1 ? [`layers of ${layers.join(', ')}`] : []),
  ];
  const where = places.length > 0 ? ` (${places.join('; ')})` : '';
  const size = `${counted(latents, 'latent')}${where}, ${parameterCount} parameters`;
  sentence(`images ${imageShape.join(' × ')}, ${size}, moments: ${moments.join(', ')}`);
  if (info.classes !== undefined) {
    sentence(`classes: ${info.classes.map((name, label) => `${label} ${printable(name)}`).join(', ')}`);
  }
  result(`encoder: ${info.encoder}`);
  result(`decoder: ${info.decoder}`);
  for (const [name, shape] of Object.entries(info.parameters)) result(`  ${name} [${shape.join(', ')}]`);
  for (const flag of formatFlags(config)) result(`  ${flag}`);
}

export const command = defineCommand({ define: addCheckpointOptions, run: read, print });
