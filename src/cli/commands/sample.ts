/** vae sample: pictures decoded from random latents, drawn from the prior. */

import type { Command } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { writeFile } from '../../base/files.ts';
import { integer } from '../../base/rules.ts';
import { counted } from '../../base/words.ts';
import type { Model } from '../../programs/programs.ts';
import { drawGrid, squareColumns } from '../../report/grid.ts';
import { mapShape } from '../../vae/latent-map.ts';
import { objectives } from '../../vae/objectives/index.ts';
import { defineCommand } from '../shared/command.ts';
import { TEMPERATURES } from '../shared/latents.ts';
import { withModel } from '../shared/model.ts';
import { addModelOptions, checkedOption, type ModelOptions, pictureOption, seedOption } from '../shared/options.ts';
import { note, sentence } from '../shared/terminal.ts';

interface SampleOptions extends ModelOptions {
  readonly count: number;
  readonly out: string;
  readonly nrow?: number;
  readonly seed: number;
  readonly temperature: readonly number[];
}

const MOST_SAMPLES = 100_000;

function define(command: Command): void {
  command
    .addOption(checkedOption('-n, --count <n>', 'number of images', integer(1, MOST_SAMPLES)).default(49))
    .addOption(pictureOption('samples.png'))
    .addOption(checkedOption('--nrow <n>', 'images per row (default: a square grid)', integer(1)))
    .addOption(seedOption('random seed; the same seed draws the same latents'))
    .addOption(
      checkedOption(
        '--temperature <t>',
        'multiply the latents by t: below 1 gives plainer images, above 1 more unusual ones; of a ladder, t,t,... from the top layer down, the last for all below it',
        TEMPERATURES,
      ).default([1], '1'),
    );
  addModelOptions(command);
}

const draw = (options: SampleOptions) =>
  withModel(options, [], async ({ file, trained, imageShape }) => {
    const { count, out, nrow, seed, temperature } = options;
    const { layers } = trained.model.vae;
    if (temperature.length > layers.length) {
      const has = `the model has ${counted(layers.length, 'layer')} of latents`;
      throw new ConfigError(`${has}; give no more temperatures`, { field: 'temperature', value: temperature });
    }
    const doubt = doubtOf(trained.model);
    if (doubt !== undefined) note(`${file}: ${doubt}`);
    const pictures = await trained.decode(await trained.draw(count, seed, temperature));
    writeFile(out, drawGrid(pictures, imageShape, Math.min(count, nrow ?? squareColumns(count))));
    const [only, ...others] = temperature;
    return { out, count, seed, temperature: others.length === 0 ? only : temperature, checkpoint: file };
  });

/** Why samples are not what a user may expect, if they are not. */
function doubtOf({ vae, config }: Model): string | undefined {
  if (!objectives[config.objective].hasPrior)
    return 'the latents of a plain autoencoder follow no prior, so these are no samples of what it has learnt';
  if (vae.layers.length === 1 && mapShape(config.latent) !== undefined)
    return 'the latents of one map know nothing of each other, so samples have colours and textures, but no whole things; a ladder, or a number of latents, draws those';
  return undefined;
}

function print({ out, count, seed, temperature, checkpoint }: Awaited<ReturnType<typeof draw>>): void {
  sentence(`${out}: ${counted(count, 'sample')} from ${checkpoint}, seed ${seed}, temperature ${temperature}`);
}

export const command = defineCommand({ define, run: draw, print });
