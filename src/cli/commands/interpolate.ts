/** vae interpolate: the way from one picture to another through the latent space. */

import type { Command } from 'commander';
import { choice, integer } from '../../base/rules.ts';
import { INTERPOLATIONS, type Interpolation } from '../../inference/latent-space.ts';
import {
  checkedOption,
  type ModelOptions,
  numberOption,
  pathOption,
  seedOption,
  withModelOptions,
} from '../options.ts';

interface InterpolateOptions extends ModelOptions {
  readonly from?: string;
  readonly to?: string;
  readonly steps: number;
  readonly pairs: number;
  readonly method: Interpolation;
  readonly out: string;
  readonly animate?: string;
  readonly seed: number;
}

/** What moves needs room to be looked at. */
const ANIMATED_SIDE = 112;
const TIMING = { delay: 100, lastDelay: 1000 };

export function registerInterpolate(program: Command): void {
  const command = program
    .command('interpolate')
    .description('draw the way between two pictures, or between draws of the prior, through the latent space');
  withModelOptions(command)
    .addOption(pathOption('--from <file>', 'the PNG to begin with').conflicts(['pairs', 'seed']))
    .addOption(pathOption('--to <file>', 'the PNG to end with').conflicts(['pairs', 'seed']))
    .addOption(numberOption('--steps <n>', 'pictures on the way, its ends included', integer(2, 200)).default(10))
    .addOption(numberOption('--pairs <n>', 'without pictures: how many pairs of draws', integer(1, 100)).default(5))
    .addOption(checkedOption('--method <name>', INTERPOLATIONS.join(', '), choice(INTERPOLATIONS)).default('linear'))
    .addOption(pathOption('--out <file>', 'the PNG to write').default('interpolation.png'))
    .addOption(pathOption('--animate <file>', 'write the way as an animated PNG too'))
    .addOption(seedOption('of the draws'))
    .action(interpolateCommand);
}

async function interpolateCommand(options: InterpolateOptions): Promise<void> {
  const { from, to, steps, pairs, method, out, animate, seed } = options;
  const { ConfigError } = await import('../../base/errors.ts');
  const { loadModel } = await import('../model.ts');
  const { asSet, readPicture } = await import('../pictures.ts');
  const { drawLatents } = await import('../../inference/trained-model.ts');
  const { evenlySpaced, interpolate } = await import('../../inference/latent-space.ts');
  const { protectSources, writeFile } = await import('../../base/files.ts');
  const { result } = await import('../terminal.ts');

  if ((from === undefined) !== (to === undefined)) throw new ConfigError('--from and --to need each other');
  const { file, model, trained } = await loadModel(options);
  const files = [from, to].filter((name) => name !== undefined);
  protectSources(out, [file, ...files]);
  if (animate !== undefined) protectSources(animate, [file, out, ...files], 'animate');

  const { imageShape } = model.vae.config;
  const { latent } = model.config;
  const originals: Uint8Array[] = [];
  for (const name of files) originals.push(await readPicture(name, model));
  const drawn = originals.length === 0;
  const ends = drawn
    ? drawLatents(2 * pairs, latent, seed)
    : (await trained.encode(asSet(Uint8Array.from(Buffer.concat(originals)), model.vae.pixels))).mean;
  const end = (i: number) => ends.subarray(i * latent, (i + 1) * latent);
  const ways: Float32Array[] = [];
  for (let i = 0; i < ends.length / latent; i += 2) {
    ways.push(await trained.decode(interpolate(end(i), end(i + 1), steps, method)));
  }
  await trained.release();

  const { encodeAnimation } = await import('../../report/animation.ts');
  const { concatenated, layGrid, squareColumns } = await import('../../report/grid.ts');
  const asImage = (pixels: Uint8Array) => Float32Array.from(pixels, (value) => value / 255);
  const images = drawn ? ways : [asImage(originals[0]), ...ways, asImage(originals[1])];
  const shares = evenlySpaced(0, 1, steps).map((t) => String(Number(t.toFixed(2))));
  const columnNames = drawn ? shares : ['from', ...shares, 'to'];
  writeFile(out, layGrid(concatenated(images), imageShape, { columns: columnNames.length, columnNames }).png());
  if (animate !== undefined) {
    const size = model.vae.pixels;
    const frames = Array.from({ length: steps }, (_, step) => {
      const now = ways.map((way) => way.subarray(step * size, (step + 1) * size));
      return layGrid(concatenated(now), imageShape, { columns: squareColumns(ways.length), side: ANIMATED_SIDE });
    });
    writeFile(animate, encodeAnimation(frames, TIMING));
  }
  const what = drawn ? `${pairs} pair${pairs === 1 ? '' : 's'} of draws, seed ${seed}` : `from ${from} to ${to}`;
  result(
    `${[out, ...(animate === undefined ? [] : [animate])].join(', ')}: ${what}; ${steps} steps, ${method}; ${file}`,
  );
}
