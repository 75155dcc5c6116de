/** vae manifold: the plane of two latents, decoded on a grid. */

import { type Command, Option } from 'commander';
import { integer } from '../../base/rules.ts';
import { checkLatents, RANGE_RULE, twoLatentsOption } from '../latents.ts';
import { type ModelOptions, numberOption, pathOption, withModelOptions } from '../options.ts';

interface ManifoldOptions extends ModelOptions {
  readonly steps: number;
  readonly range: number;
  readonly quantiles?: true;
  readonly latents?: readonly [number, number];
  readonly out: string;
}

export function registerManifold(program: Command): void {
  const command = program
    .command('manifold')
    .description('draw the plane of two latents as a grid of decoded pictures');
  withModelOptions(command)
    .addOption(numberOption('--steps <n>', 'pictures a side', integer(2, 100)).default(20))
    .addOption(numberOption('--range <r>', "from −r to r; the prior's standard deviation is 1", RANGE_RULE).default(2))
    .addOption(
      new Option(
        '--quantiles',
        "at the prior's quantiles instead, so that each picture stands for as many draws",
      ).conflicts('range'),
    )
    .addOption(twoLatentsOption('of a model with more than two: which to show; the others are held at 0'))
    .addOption(pathOption('--out <file>', 'the PNG to write').default('manifold.png'))
    .action(manifold);
}

async function manifold({ steps, range, quantiles, latents, out, ...options }: ManifoldOptions): Promise<void> {
  const { ConfigError } = await import('../../base/errors.ts');
  const { loadModel } = await import('../model.ts');
  const { evenlySpaced, normalQuantile } = await import('../../inference/latent-space.ts');
  const { layGrid } = await import('../../report/grid.ts');
  const { protectSources, writeFile } = await import('../../base/files.ts');
  const { result } = await import('../terminal.ts');

  const { file, model, trained } = await loadModel(options);
  protectSources(out, [file]);
  const { latent } = model.config;
  if (latent === 1) throw new ConfigError(`${file}: its model has one latent and no plane; use vae traverse`);
  if (latents === undefined && latent > 2) {
    throw new ConfigError(`${file}: its model has ${latent} latents; name two of them, such as --latents 0,1`);
  }
  const [across, up] = latents ?? [0, 1];
  checkLatents([across, up], latent);
  // The middles of n equally probable parts.
  const values = quantiles
    ? Array.from({ length: steps }, (_, i) => normalQuantile((i + 0.5) / steps))
    : evenlySpaced(-range, range, steps);
  const points = new Float32Array(steps * steps * latent);
  for (let row = 0; row < steps; row++) {
    for (let column = 0; column < steps; column++) {
      const start = (row * steps + column) * latent;
      points[start + across] = values[column];
      points[start + up] = values[steps - 1 - row];
    }
  }
  const pictures = await trained.decode(points);
  await trained.release();
  // Two digits: names are narrower than pictures, so that the pictures stand side by side.
  const digits = Math.max(0, 1 - Math.floor(Math.log10(values[steps - 1])));
  const names = values.map((value) => value.toFixed(digits));
  const title = `Latent ${across} from left to right, latent ${up} upwards${latent > 2 ? '; the others at 0' : ''}`;
  const grid = { columns: steps, columnNames: names, rowNames: names.toReversed(), title };
  writeFile(out, layGrid(pictures, model.vae.config.imageShape, grid).png());
  const where = quantiles ? 'the quantiles of the prior' : `−${range} to ${range}`;
  result(`${out}: ${steps} × ${steps} pictures of latents ${across} and ${up}, ${where}; ${file}`);
}
