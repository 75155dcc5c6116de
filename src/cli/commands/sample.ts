/** vae sample: pictures decoded from draws of the prior. */

import type { Command } from 'commander';
import { integer } from '../../base/rules.ts';
import { TEMPERATURE_RULE } from '../latents.ts';
import { type ModelOptions, numberOption, pathOption, seedOption, withModelOptions } from '../options.ts';

interface SampleOptions extends ModelOptions {
  readonly count: number;
  readonly out: string;
  readonly nrow?: number;
  readonly seed: number;
  readonly temperature: number;
}

const MOST_SAMPLES = 100_000;

export function registerSample(program: Command): void {
  const command = program.command('sample').description('draw new images from a trained model, as one PNG');
  withModelOptions(command)
    .addOption(numberOption('-n, --count <n>', 'how many images', integer(1, MOST_SAMPLES)).default(49))
    .addOption(pathOption('--out <file>', 'the PNG to write').default('samples.png'))
    .addOption(numberOption('--nrow <n>', 'images a row (default: a square)', integer(1)))
    .addOption(seedOption('the same seed draws the same latents'))
    .addOption(
      numberOption(
        '--temperature <t>',
        'scales the latents; below 1 plainer, above 1 bolder',
        TEMPERATURE_RULE,
      ).default(1),
    )
    .action(sample);
}

async function sample({ count, out, nrow, seed, temperature, ...options }: SampleOptions): Promise<void> {
  const { loadModel } = await import('../model.ts');
  const { drawLatents } = await import('../../inference/trained-model.ts');
  const { drawGrid, squareColumns } = await import('../../report/grid.ts');
  const { protectSources, writeFile } = await import('../../base/files.ts');
  const { result } = await import('../terminal.ts');
  const { file, model, trained } = await loadModel(options);
  protectSources(out, [file]);
  const pictures = await trained.decode(drawLatents(count, model.config.latent, seed, temperature));
  writeFile(out, drawGrid(pictures, model.vae.config.imageShape, Math.min(count, nrow ?? squareColumns(count))));
  await trained.release();
  result(`${out}: ${count} sample${count === 1 ? '' : 's'} of ${file}, seed ${seed}, temperature ${temperature}`);
}
