/** vae interpolate: from one picture to another through the latent space. */

import type { Command } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { protectSources, writeFile } from '../../base/files.ts';
import { choice, integer } from '../../base/rules.ts';
import { counted } from '../../base/words.ts';
import { evenlySpaced, INTERPOLATIONS, type Interpolation, interpolate } from '../../inference/latent-space.ts';
import { encodeAnimation } from '../../report/animation.ts';
import { concatenated, layGrid, squareColumns } from '../../report/grid.ts';
import { defineCommand } from '../shared/command.ts';
import { type LoadedModel, withModel } from '../shared/model.ts';
import {
  addModelOptions,
  animationFileOption,
  checkedOption,
  type ModelOptions,
  pathOption,
  pictureOption,
  seedOption,
} from '../shared/options.ts';
import { asSet, readPicture } from '../shared/pictures.ts';
import { sentence } from '../shared/terminal.ts';

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

/** Large enough to watch. */
const ANIMATED_SIDE = 112;
const TIMING = { delay: 100, lastDelay: 1000 };

function define(command: Command): void {
  command
    .addOption(pathOption('--from <file>', 'the picture to start from').conflicts(['pairs', 'seed']))
    .addOption(pathOption('--to <file>', 'the picture to end at').conflicts(['pairs', 'seed']))
    .addOption(checkedOption('--steps <n>', 'pictures per row, both ends included', integer(2, 200)).default(10))
    .addOption(
      checkedOption('--pairs <n>', 'without --from and --to: pairs of random samples', integer(1, 100)).default(5),
    )
    .addOption(
      checkedOption(
        '--method <name>',
        `${INTERPOLATIONS.join(' or ')}: in a straight line, or on a sphere around 0`,
        choice(INTERPOLATIONS),
      ).default('linear'),
    )
    .addOption(pictureOption('interpolation.png'))
    .addOption(animationFileOption('--animate <file>', 'also write the steps as an animated PNG'))
    .addOption(seedOption('random seed of the samples'));
  addModelOptions(command);
}

async function draw(options: InterpolateOptions) {
  const { from, to, steps, pairs, method, out, animate, seed } = options;
  if ((from === undefined) !== (to === undefined)) throw new ConfigError('--from and --to need each other');
  const inputs = [from, to].filter((name) => name !== undefined);
  return withModel(options, inputs, async (loaded) => {
    const { file, trained, latent } = loaded;
    if (animate !== undefined) protectSources(animate, [file, out, ...inputs], 'animate');
    const originals: Uint8Array[] = [];
    for (const name of inputs) originals.push(await readPicture(name, loaded.model));
    const ends = await latentsOf(loaded, originals, options);
    const end = (i: number) => ends.subarray(i * latent, (i + 1) * latent);
    const ways: Float32Array[] = [];
    for (let i = 0; i < ends.length / latent; i += 2) {
      ways.push(await trained.decode(interpolate(end(i), end(i + 1), steps, method)));
    }
    writeFile(out, drawWays(loaded, ways, originals, steps));
    if (animate !== undefined) writeFile(animate, animateWays(loaded, ways, steps));
    const between = from === undefined || to === undefined ? { pairs, seed } : { from, to };
    return { out, ...(animate && { animation: animate }), ...between, steps, method, checkpoint: file };
  });
}

function print({ out, animation, steps, method, checkpoint, ...between }: Awaited<ReturnType<typeof draw>>): void {
  const what =
    'pairs' in between
      ? `${counted(between.pairs, 'pair')} of samples, seed ${between.seed}`
      : `from ${between.from} to ${between.to}`;
  const files = animation === undefined ? out : `${out}, ${animation}`;
  sentence(`${files}: ${what}; ${steps} steps, ${method}; ${checkpoint}`);
}

/** Where the ways begin and end, in turn: [2 × ways, L]. */
async function latentsOf(
  { model, trained }: LoadedModel,
  originals: readonly Uint8Array[],
  { pairs, seed }: InterpolateOptions,
): Promise<Float32Array> {
  if (originals.length === 0) return trained.draw(2 * pairs, seed);
  return (await trained.encode(asSet(new Uint8Array(Buffer.concat(originals)), model.vae.pixels))).mean;
}

/** A row for each way; a given picture stands beside the end that it was encoded to. */
function drawWays(
  { imageShape }: LoadedModel,
  ways: readonly Float32Array[],
  originals: readonly Uint8Array[],
  steps: number,
): Buffer {
  const [from, to] = originals.map((pixels) => [Float32Array.from(pixels, (value) => value / 255)]);
  const shares = evenlySpaced(0, 1, steps).map((t) => String(Number(t.toFixed(2))));
  const columnNames = from === undefined ? shares : ['from', ...shares, 'to'];
  const images = concatenated([...(from ?? []), ...ways, ...(to ?? [])]);
  return layGrid(images, imageShape, { columns: columnNames.length, columnNames }).png();
}

/** A frame for each step, with all ways side by side. */
function animateWays({ model, imageShape }: LoadedModel, ways: readonly Float32Array[], steps: number): Buffer {
  const { pixels } = model.vae;
  const frames = Array.from({ length: steps }, (_, step) => {
    const now = ways.map((way) => way.subarray(step * pixels, (step + 1) * pixels));
    return layGrid(concatenated(now), imageShape, { columns: squareColumns(ways.length), side: ANIMATED_SIDE });
  });
  return encodeAnimation(frames, TIMING);
}

export const command = defineCommand({ define, run: draw, print });
