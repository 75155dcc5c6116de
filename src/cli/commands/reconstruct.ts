/** vae reconstruct: a user's picture through the model and back. */

import type { Command } from 'commander';
import { integer } from '../../base/rules.ts';
import { type ModelOptions, numberOption, pathOption, seedOption, withModelOptions } from '../options.ts';

/** Two pictures have room to be looked at. */
const LARGE_SIDE = 224;

interface ReconstructOptions extends ModelOptions {
  readonly input: string;
  readonly out: string;
  readonly samples: number;
  readonly seed: number;
  readonly json?: true;
}

export function registerReconstruct(program: Command): void {
  const command = program.command('reconstruct').description('encode and decode a picture; writes both side by side');
  withModelOptions(command)
    .addOption(
      pathOption(
        '--input <file>',
        'any PNG (JPEG and WebP with the package sharp): grey or colour, any size, dark on light or light on dark',
      ).makeOptionMandatory(),
    )
    .addOption(pathOption('--out <file>', 'the PNG to write').default('reconstruction.png'))
    .addOption(
      numberOption('--samples <n>', 'draws of z that the bound is averaged over', integer(1, 10_000)).default(100),
    )
    .addOption(seedOption('of the draws of z'))
    .option('--json', 'print the result as JSON')
    .action(reconstruct);
}

async function reconstruct({ input, out, samples, seed, json, ...options }: ReconstructOptions): Promise<void> {
  const { loadModel } = await import('../model.ts');
  const { fitFile } = await import('../pictures.ts');
  const { drawGrid, interleave } = await import('../../report/grid.ts');
  const { protectSources, writeFile } = await import('../../base/files.ts');
  const { formatContract, likelihoodContract, numberName } = await import('../../settings/contract.ts');
  const { nats, note, result } = await import('../terminal.ts');

  const { file, model, trained } = await loadModel(options);
  protectSources(out, [file, input]);
  const { imageShape } = model.vae.config;
  const { pixels, notes } = await fitFile(input, model);
  const found = await trained.reconstruct(pixels, samples, seed);
  await trained.release();
  writeFile(out, drawGrid(interleave(found.originals, found.pictures, model.vae.pixels), imageShape, 2, LARGE_SIDE));

  const [bound, logLikelihood, kl] = [found.bound[0], found.logLikelihood[0], found.kl[0]];
  const contract = likelihoodContract(model.config);
  const plain = model.config.objective === 'autoencoder';
  if (json) {
    const numbers = plain ? { logLikelihood } : { bound, logLikelihood, kl, samples, seed };
    result(JSON.stringify({ input, out, checkpoint: file, kind: contract.kind, ...numbers, notes }));
    return;
  }
  for (const line of notes) note(`${input}: ${line}`);
  note(formatContract(contract));
  if (plain) {
    result(`${out}: ${numberName(model.config)} ${nats(logLikelihood)}`);
    return;
  }
  result(
    `${out}: bound ${nats(bound)} nats (log likelihood ${nats(logLikelihood)}, KL ${nats(kl)}; ${samples} samples, seed ${seed})`,
  );
}
