/** vae traverse: what each latent does, the others held. */

import path from 'node:path';
import type { Command } from 'commander';
import { integer } from '../../base/rules.ts';
import { checkLatents, latentsOption, RANGE_RULE } from '../latents.ts';
import type { loadModel } from '../model.ts';
import { type ModelOptions, numberOption, pathOption, withModelOptions } from '../options.ts';

interface TraverseOptions extends ModelOptions {
  readonly input?: string;
  readonly range: number;
  readonly steps: number;
  readonly latents?: 'all' | readonly number[];
  readonly dataDir?: string;
  readonly out: string;
}

const MOST_ACTIVE = 20;
/** Images that the average KL is taken over. */
const IMAGES = 1000;
/** A picture with more rows would be too tall to look at. */
const MOST_ROWS = 500;

export function registerTraverse(program: Command): void {
  const command = program
    .command('traverse')
    .description('draw a row for each latent: its value changes, the others are held');
  withModelOptions(command)
    .addOption(pathOption('--input <file>', "hold the others at this PNG's mean (default: at 0)"))
    .addOption(numberOption('--range <r>', "from −r to r; the prior's standard deviation is 1", RANGE_RULE).default(3))
    .addOption(numberOption('--steps <n>', 'pictures a row', integer(2, 100)).default(9))
    .addOption(
      latentsOption(
        `all, or a list such as 0,3,5 (default: at most ${MOST_ACTIVE}, those with the largest average KL first)`,
      ),
    )
    .addOption(pathOption('--data-dir <folder>', 'read the data from here (default: where it was read in training)'))
    .addOption(pathOption('--out <file>', 'the PNG to write').default('traverse.png'))
    .action(traverse);
}

async function traverse({ input, range, steps, latents, dataDir, out, ...options }: TraverseOptions): Promise<void> {
  const { loadModel } = await import('../model.ts');
  const { asSet, readPicture } = await import('../pictures.ts');
  const { evenlySpaced } = await import('../../inference/latent-space.ts');
  const { layGrid } = await import('../../report/grid.ts');
  const { formatTicks } = await import('../../report/ticks.ts');
  const { protectSources, writeFile } = await import('../../base/files.ts');
  const { result } = await import('../terminal.ts');

  const loaded = await loadModel(options);
  const { file, model, trained } = loaded;
  protectSources(out, input === undefined ? [file] : [file, input]);
  const { imageShape } = model.vae.config;
  const { latent } = model.config;
  const held =
    input === undefined
      ? new Float32Array(latent)
      : (await trained.encode(asSet(await readPicture(input, model), model.vae.pixels))).mean;
  const rows = await chooseRows(loaded, latents, dataDir);
  const values = evenlySpaced(-range, range, steps);
  const points = new Float32Array(rows.length * steps * latent);
  rows.forEach(({ index }, row) => {
    values.forEach((value, step) => {
      const start = (row * steps + step) * latent;
      points.set(held, start);
      points[start + index] = value;
    });
  });
  const pictures = await trained.decode(points);
  await trained.release();
  const where = input === undefined ? '0' : `the mean of ${path.basename(input)}`;
  const title = `A row changes one latent; the others are held at ${where}`;
  const grid = { columns: steps, columnNames: formatTicks(values.map((value) => Number(value.toFixed(2)))) };
  writeFile(out, layGrid(pictures, imageShape, { ...grid, rowNames: rows.map(({ name }) => name), title }).png());
  result(`${out}: latents ${rows.map(({ index }) => index).join(', ')} from −${range} to ${range}; ${file}`);
}

interface Row {
  readonly index: number;
  readonly name: string;
}

/** The latents asked for; else those that carry most information about the test images, with how much. */
async function chooseRows(
  { file, model, trained }: Awaited<ReturnType<typeof loadModel>>,
  latents: TraverseOptions['latents'],
  dataDir: string | undefined,
): Promise<Row[]> {
  const { ConfigError } = await import('../../base/errors.ts');
  const { loadPart } = await import('../dataset.ts');
  const { latentStatistics } = await import('../../evaluation/latent-statistics.ts');
  const { largest } = await import('../../inference/latent-space.ts');
  const { latent } = model.config;
  if (latents === undefined) {
    const { set } = await loadPart(file, model, { split: 'test', limit: IMAGES, ...(dataDir && { dataDir }) });
    const { kl, meanVariance } = latentStatistics(await trained.encode(set), latent);
    const [what, values] = kl === undefined ? ['var', meanVariance] : ['KL', kl];
    return largest(values, MOST_ACTIVE).map((index) => ({
      index,
      name: `z${index} ${what} ${values[index].toFixed(2)}`,
    }));
  }
  const chosen = latents === 'all' ? Array.from({ length: latent }, (_, i) => i) : latents;
  checkLatents(chosen, latent);
  if (chosen.length > MOST_ROWS) {
    throw new ConfigError(`--latents: a picture of ${chosen.length} rows is too tall; name at most ${MOST_ROWS}`);
  }
  return chosen.map((index) => ({ index, name: `z${index}` }));
}
