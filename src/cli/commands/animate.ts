/** vae animate: the samples of a run, epoch after epoch. */

import path from 'node:path';
import type { Command } from 'commander';
import { integer } from '../../base/rules.ts';
import { numberOption, pathOption, RUNS_FOLDER } from '../options.ts';

interface AnimateOptions {
  readonly run?: string;
  readonly out: string;
  readonly every?: number;
  readonly delay: number;
}

const MOST_FRAMES = 100;
/** The last frame is held for as long as this many others, and for a second at least. */
const HELD = 5;
const SHORTEST_HOLD = 1000;

export function registerAnimate(program: Command): void {
  program
    .command('animate')
    .description('make an animated PNG, which browsers play, of the samples that a run drew after each epoch')
    .addOption(pathOption('--run <folder>', 'the run to use (default: the newest in runs/)'))
    .addOption(pathOption('--out <file>', 'the PNG to write').default('animation.png'))
    .addOption(
      numberOption(
        '--every <n>',
        `show every n-th epoch, and the last (default: at most ${MOST_FRAMES}, evenly apart)`,
        integer(1),
      ),
    )
    .addOption(numberOption('--delay <ms>', 'how long a frame is shown', integer(10, 65535)).default(200))
    .action(animate);
}

async function animate({ run: folder, out, every, delay }: AnimateOptions): Promise<void> {
  const { InputError } = await import('../../base/errors.ts');
  const { decodePng } = await import('../../data/png.ts');
  const { encodeAnimation, LONGEST_DELAY } = await import('../../report/animation.ts');
  const { captioned, isGrey } = await import('../../report/caption.ts');
  const { protectSources, readFile, writeFile } = await import('../../base/files.ts');
  const { newestRun, openRun } = await import('../../runs/run-directory.ts');
  const { result } = await import('../terminal.ts');

  const run = folder === undefined ? newestRun(RUNS_FOLDER) : openRun(folder);
  const epochs = await chooseEpochs(run.file('samples'), every);
  const files = epochs.map((epoch) => run.pictureFile('samples', epoch));
  protectSources(out, files);
  const pictures = files.map((file) => decodePng(readFile(file), file));
  const [{ width, height }] = pictures;
  const odd = pictures.findIndex((picture) => picture.width !== width || picture.height !== height);
  if (odd !== -1) {
    const size = `${pictures[odd].width} × ${pictures[odd].height}`;
    throw new InputError(`${files[odd]}: it is ${size}, but ${path.basename(files[0])} is ${width} × ${height}`);
  }
  const channels = pictures.every(isGrey) ? 1 : 3;
  const frames = pictures.map((picture, i) => captioned(picture, `epoch ${epochs[i]}`, channels));
  const lastDelay = Math.min(LONGEST_DELAY, Math.max(SHORTEST_HOLD, HELD * delay));
  writeFile(out, encodeAnimation(frames, { delay, lastDelay }));
  const count = `${frames.length} frame${frames.length === 1 ? '' : 's'}`;
  result(`${out}: ${count}, epoch ${epochs[0]} to ${epochs.at(-1)}, ${delay} ms each; ${run.folder}`);
}

/** Those of the epochs with pictures that are to be shown, in their order. */
async function chooseEpochs(folder: string, every: number | undefined): Promise<number[]> {
  const { InputError } = await import('../../base/errors.ts');
  const { listFolder } = await import('../../base/files.ts');
  const { evenly } = await import('../../report/history.ts');
  const epochs = listFolder(folder)
    .map((name) => Number(/^epoch-(\d+)\.png$/.exec(name)?.[1]))
    .filter((epoch) => !Number.isNaN(epoch))
    .sort((a, b) => a - b);
  if (epochs.length === 0) throw new InputError(`${folder}: there are no pictures of samples; vae train draws them`);
  if (every === undefined) return evenly(epochs.length, MOST_FRAMES).map((i) => epochs[i]);
  return epochs.filter((epoch) => epoch % every === 0 || epoch === epochs.at(-1));
}
