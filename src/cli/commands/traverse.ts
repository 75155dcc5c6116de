/** vae traverse: what each latent does while the others stay the same. */

import path from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { writeFile } from '../../base/files.ts';
import { integer } from '../../base/rules.ts';
import { evenlySpaced } from '../../inference/latent-space.ts';
import { layGrid } from '../../report/grid.ts';
import { formatTicks } from '../../report/ticks.ts';
import { defineCommand } from '../shared/command.ts';
import { checkLatents, latentsOption, mostInformative, rangeOption } from '../shared/latents.ts';
import { type LoadedModel, withModel } from '../shared/model.ts';
import {
  addModelOptions,
  checkedOption,
  dataDirOption,
  type ModelOptions,
  pathOption,
  pictureOption,
} from '../shared/options.ts';
import { asSet, readPicture } from '../shared/pictures.ts';
import { sentence } from '../shared/terminal.ts';

interface TraverseOptions extends ModelOptions {
  readonly input?: string;
  readonly range: number;
  readonly steps: number;
  readonly latents?: 'all' | readonly number[];
  readonly dataDir?: string;
  readonly out: string;
}

const MOST_ACTIVE = 20;
/** A picture with more rows would be too tall to look at. */
const MOST_ROWS = 500;

function define(command: Command): void {
  command
    .addOption(pathOption('--input <file>', "hold the other latents at this picture's code (default: at 0)"))
    .addOption(rangeOption(3))
    .addOption(checkedOption('--steps <n>', 'pictures per row', integer(2, 100)).default(9))
    .addOption(
      latentsOption(
        `latents to draw: all, or a list such as 0,3,5 (default: the ${MOST_ACTIVE} with the largest average KL)`,
      ),
    )
    .addOption(dataDirOption())
    .addOption(pictureOption('traverse.png'));
  addModelOptions(command);
}

const draw = (options: TraverseOptions) =>
  withModel(options, options.input === undefined ? [] : [options.input], async (loaded) => {
    const { file, trained, imageShape } = loaded;
    const { input, range, steps, out } = options;
    const held = await startOf(loaded, input);
    const rows = await chooseRows(loaded, options);
    const values = evenlySpaced(-range, range, steps);
    const points = traversal(
      held,
      rows.map(({ index }) => index),
      values,
    );
    const pictures = await trained.decode(points);
    const where = input === undefined ? '0' : `the mean of ${path.basename(input)}`;
    const title = `A row changes one latent; the others are held at ${where}`;
    const columnNames = formatTicks(values.map((value) => Number(value.toFixed(2))));
    const rowNames = rows.map(({ name }) => name);
    writeFile(out, layGrid(pictures, imageShape, { columns: steps, columnNames, rowNames, title }).png());
    return { out, latents: rows.map(({ index }) => index), range, steps, checkpoint: file };
  });

function print({ out, latents, range, checkpoint }: Awaited<ReturnType<typeof draw>>): void {
  sentence(`${out}: latents ${latents.join(', ')} from −${range} to ${range}; ${checkpoint}`);
}

/** The latents that do not change: a picture's mean, or 0. */
async function startOf({ model, trained, latent }: LoadedModel, input: string | undefined): Promise<Float32Array> {
  if (input === undefined) return new Float32Array(latent);
  return (await trained.encode(asSet(await readPicture(input, model), model.vae.pixels))).mean;
}

/** Points [latents × values, L]: each latent takes each value while the others are held. */
function traversal(held: Float32Array, latents: readonly number[], values: readonly number[]): Float32Array {
  const points = new Float32Array(latents.length * values.length * held.length);
  latents.forEach((index, row) => {
    values.forEach((value, step) => {
      const start = (row * values.length + step) * held.length;
      points.set(held, start);
      points[start + index] = value;
    });
  });
  return points;
}

interface Row {
  readonly index: number;
  readonly name: string;
}

/** The latents asked for; by default those with the most information about the test images, and how much it is. */
async function chooseRows(loaded: LoadedModel, { latents, dataDir }: TraverseOptions): Promise<Row[]> {
  const { latent } = loaded;
  if (latents === undefined) {
    const ranked = await mostInformative(loaded, MOST_ACTIVE, dataDir);
    return ranked.map(({ index, measure }) => ({ index, name: `z${index} ${measure}` }));
  }
  const chosen = latents === 'all' ? Array.from({ length: latent }, (_, i) => i) : latents;
  checkLatents(chosen, latent);
  if (chosen.length > MOST_ROWS) {
    throw new ConfigError(`--latents: a picture of ${chosen.length} rows is too tall; name at most ${MOST_ROWS}`);
  }
  return chosen.map((index) => ({ index, name: `z${index}` }));
}

export const command = defineCommand({ define, run: draw, print });
