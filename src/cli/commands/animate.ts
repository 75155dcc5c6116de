/** vae animate: the samples of a run, epoch after epoch. */

import path from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../../base/errors.ts';
import { protectSources, readFile, writeFile } from '../../base/files.ts';
import { integer } from '../../base/rules.ts';
import { counted } from '../../base/words.ts';
import { decodePng } from '../../data/pictures/png.ts';
import { encodeAnimation, LONGEST_DELAY } from '../../report/animation.ts';
import { captioned, isGrey } from '../../report/caption.ts';
import { evenly } from '../../report/history.ts';
import type { RunDirectory } from '../../runs/run-directory.ts';
import { defineCommand } from '../shared/command.ts';
import { findRun } from '../shared/model.ts';
import { animationFileOption, checkedOption, runOption } from '../shared/options.ts';
import { sentence } from '../shared/terminal.ts';

interface AnimateOptions {
  readonly run?: string;
  readonly out: string;
  readonly every?: number;
  readonly delay: number;
}

const MOST_FRAMES = 100;
/** The last frame is shown for as long as this many others, and for at least a second. */
const HELD = 5;
const SHORTEST_HOLD = 1000;

function define(command: Command): void {
  command
    .addOption(runOption())
    .addOption(animationFileOption('--out <file>', 'the PNG file to write').default('animation.png'))
    .addOption(
      checkedOption(
        '--every <n>',
        `show every n-th epoch and the last one (default: at most ${MOST_FRAMES} epochs, evenly spaced)`,
        integer(1),
      ),
    )
    .addOption(checkedOption('--delay <ms>', 'time per frame, in milliseconds', integer(10, 65535)).default(200));
}

async function animate({ run: folder, out, every, delay }: AnimateOptions) {
  const run = findRun(folder);
  const epochs = chooseEpochs(run, every);
  const files = epochs.map((epoch) => run.pictureFile('samples', epoch));
  protectSources(out, files);
  const pictures = readPictures(files);
  const channels = pictures.every(isGrey) ? 1 : 3;
  const frames = pictures.map((picture, i) => captioned(picture, `epoch ${epochs[i]}`, channels));
  const lastDelay = Math.min(LONGEST_DELAY, Math.max(SHORTEST_HOLD, HELD * delay));
  writeFile(out, encodeAnimation(frames, { delay, lastDelay }));
  return { out, epochs, delay, run: run.folder };
}

function print({ out, epochs, delay, run }: Awaited<ReturnType<typeof animate>>): void {
  const frames = counted(epochs.length, 'frame');
  const span = epochs.length === 1 ? epochs[0] : `${epochs[0]} to ${epochs.at(-1)}`;
  sentence(`${out}: ${frames}, epoch ${span}, ${delay} ms each; ${run}`);
}

/** The epochs to show, of those that have a picture, in their order. */
function chooseEpochs(run: RunDirectory, every: number | undefined): number[] {
  const epochs = run.pictureEpochs('samples');
  if (epochs.length === 0)
    throw new InputError(`${run.file('samples')}: there are no pictures of samples; vae train draws them`);
  if (every === undefined) return evenly(epochs.length, MOST_FRAMES).map((i) => epochs[i]);
  return epochs.filter((epoch) => epoch % every === 0 || epoch === epochs.at(-1));
}

/** @throws InputError if the pictures differ in size. */
function readPictures(files: readonly string[]) {
  const pictures = files.map((file) => decodePng(readFile(file), file));
  const sizes = pictures.map(({ width, height }) => `${width} × ${height}`);
  const odd = sizes.findIndex((size) => size !== sizes[0]);
  if (odd === -1) return pictures;
  throw new InputError(`${files[odd]}: it is ${sizes[odd]}, but ${path.basename(files[0])} is ${sizes[0]}`);
}

export const command = defineCommand({ define, run: animate, print });
