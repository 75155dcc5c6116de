/** vae manifold: the plane of two latents, decoded on a grid. */

import { type Command, Option } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { writeFile } from '../../base/files.ts';
import { integer } from '../../base/rules.ts';
import { evenlySpaced, normalQuantile } from '../../inference/latent-space.ts';
import { layGrid } from '../../report/grid.ts';
import { defineCommand } from '../shared/command.ts';
import { checkLatents, mostInformative, rangeOption, twoLatentsOption } from '../shared/latents.ts';
import { type LoadedModel, withModel } from '../shared/model.ts';
import { addModelOptions, checkedOption, dataDirOption, type ModelOptions, pictureOption } from '../shared/options.ts';
import { note, sentence } from '../shared/terminal.ts';

type Pair = readonly [across: number, up: number];

interface ManifoldOptions extends ModelOptions {
  readonly steps: number;
  readonly range: number;
  readonly quantiles?: boolean;
  readonly latents?: Pair;
  readonly dataDir?: string;
  readonly out: string;
}

function define(command: Command): void {
  command
    .addOption(checkedOption('--steps <n>', 'pictures per side', integer(2, 100)).default(20))
    .addOption(rangeOption(2))
    .addOption(
      new Option(
        '--quantiles',
        "space the pictures by the prior's quantiles, so that each has the same probability",
      ).conflicts('range'),
    )
    .addOption(
      twoLatentsOption('the two latents to show (default: those with the largest average KL); the others are 0'),
    )
    .addOption(dataDirOption())
    .addOption(pictureOption('manifold.png'));
  addModelOptions(command);
}

const draw = (options: ManifoldOptions) =>
  withModel(options, [], async (loaded) => {
    const { file, trained, imageShape, latent } = loaded;
    const { steps, range, quantiles = false, out } = options;
    const latents = await chooseLatents(loaded, options);
    // Quantiles are the middles of n equally probable parts.
    const values = quantiles
      ? Array.from({ length: steps }, (_, i) => normalQuantile((i + 0.5) / steps))
      : evenlySpaced(-range, range, steps);
    const pictures = await trained.decode(plane(latents, values, latent));
    // Two digits: names are narrower than pictures, so that the pictures stand side by side.
    const digits = Math.max(0, 1 - Math.floor(Math.log10(values[steps - 1])));
    const columnNames = values.map((value) => value.toFixed(digits));
    const others = latent > 2 ? '; the others at 0' : '';
    const title = `Latent ${latents[0]} from left to right, latent ${latents[1]} upwards${others}`;
    const grid = { columns: steps, columnNames, rowNames: columnNames.toReversed(), title };
    writeFile(out, layGrid(pictures, imageShape, grid).png());
    return { out, steps, latents, quantiles, range: quantiles ? undefined : range, checkpoint: file };
  });

function print({ out, steps, latents, range, checkpoint }: Awaited<ReturnType<typeof draw>>): void {
  const where = range === undefined ? 'the quantiles of the prior' : `−${range} to ${range}`;
  sentence(`${out}: ${steps} × ${steps} pictures of latents ${latents.join(' and ')}, ${where}; ${checkpoint}`);
}

/**
 * The two latents asked for; by default those with the most information about the test images, in the order of the model.
 * @throws ConfigError if the model does not have them.
 */
async function chooseLatents(loaded: LoadedModel, { latents, dataDir }: ManifoldOptions): Promise<Pair> {
  const { file, latent: count } = loaded;
  if (count === 1) throw new ConfigError(`${file}: its model has one latent and no plane; use vae traverse`);
  if (latents === undefined && count > 2) {
    const two = (await mostInformative(loaded, 2, dataDir)).sort((a, b) => a.index - b.index);
    const shown = two.map(({ index, measure }) => `${index} (${measure})`).join(' and ');
    note(`of ${count} latents, ${shown} tell most about the test images; --latents shows others`);
    return [two[0].index, two[1].index];
  }
  const chosen = latents ?? [0, 1];
  checkLatents(chosen, count);
  return chosen;
}

/** Points [values², L], row by row from the top: the first latent grows to the right, the second upwards. */
function plane([across, up]: Pair, values: readonly number[], latent: number): Float32Array {
  const side = values.length;
  const points = new Float32Array(side * side * latent);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const start = (row * side + column) * latent;
      points[start + across] = values[column];
      points[start + up] = values[side - 1 - row];
    }
  }
  return points;
}

export const command = defineCommand({ define, run: draw, print });
