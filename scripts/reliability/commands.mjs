/** Damaged and crafted files through the command line: one line and an exit code, whatever is in them. */

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { damage, damageValue } from './mutations.mjs';
import { each, errorLine, faultsOf, run } from './program.mjs';
import { generator } from './random.mjs';
import { drawPng } from './subjects.mjs';

/** A command on a file of a few bytes takes less than a second. */
const LONGEST = 20_000;
const SHORT_CASES = 8;

const CHECKPOINT = 'run/checkpoints/last.safetensors';
const QUICK = ['--threads', '1'];

/** Commands that read a checkpoint. */
const READERS = [
  ['info'],
  ['sample', '-n', '4', ...QUICK],
  ['evaluate', '--data-dir', 'digits', ...QUICK],
  ['encode', '--data-dir', 'digits', '--out', 'codes.csv', ...QUICK],
  ['reconstruct', '--input', 'one.png', ...QUICK],
  ['traverse', ...QUICK],
  ['export', '--format', 'onnx', '--out', 'exported'],
  ['compare', 'run', ...QUICK],
].map(([name, ...more]) => (name === 'compare' ? [name, ...more] : [name, ...more, '--run', 'run']));
const RESUME = ['train', '--resume', 'run', '--epochs', '4'];
const TRAIN = [
  'train',
  '--epochs',
  '1',
  '--hidden',
  '4',
  '--latent',
  '2',
  '--out',
  'new',
  '--device',
  'reference',
  ...QUICK,
];
const ON_DIGITS = [...TRAIN, '--data-dir', 'digits'];
const onPictures = (folder) => [
  ...TRAIN,
  ...['--dataset', folder, '--image-size', '6', '--model', 'dense', '--likelihood', 'bernoulli', '--batch-size', '4'],
];

/** A file, and the commands that read it. */
function targets(place) {
  const list = (folder, commands) =>
    readdirSync(path.join(place, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => ({
        file: path.relative(place, path.join(entry.parentPath ?? entry.path, entry.name)),
        commands,
      }));
  const besides = list('run', [RESUME]).filter(({ file }) => !file.startsWith('run/checkpoints'));
  return [
    { file: CHECKPOINT, commands: [...READERS, RESUME], mustRefuse: true },
    ...besides,
    ...besides.map(({ file }) => ({ file, commands: [...READERS, ['animate', '--run', 'run']] })),
    { file: 'run/.lock', commands: [RESUME] },
    ...list('digits', [ON_DIGITS]),
    ...list('pictures', [onPictures('./pictures')]),
    // Known by the path of the folder that it was made from.
    ...list('cache', [onPictures(path.join(place, 'pictures'))]),
    { file: 'one.png', commands: [READERS[4]] },
  ];
}

export async function commands({ seed, tally, timeIsUp, short, folder, subjects, only }) {
  const place = path.join(folder, 'commands');
  const options = { cwd: place, env: { VAE_DATA_DIR: path.join(place, 'cache') } };
  mkdirSync(place, { recursive: true });
  for (const name of ['digits', 'pictures'])
    cpSync(path.join(folder, name), path.join(place, name), { recursive: true });
  writeFileSync(path.join(place, 'one.png'), drawPng(6, generator('one')));
  for (const args of [
    ['train', ...subjects.digits, '--epochs', '2', '--out', 'run'],
    onPictures(path.join(place, 'pictures')),
  ]) {
    const { code, stderr } = await run(args, options);
    if (code !== 0) throw new Error(`cannot be trained: ${stderr}`);
  }
  rmSync(path.join(place, 'new'), { recursive: true });
  const found = targets(place);
  const { encodeCheckpoint, readCheckpoint } = await import(new URL('../../dist/runs/checkpoint.js', import.meta.url));
  const checkpoint = readCheckpoint(path.join(place, CHECKPOINT));
  const most = short ? SHORT_CASES : Number.POSITIVE_INFINITY;
  await each(only === undefined ? numbers(most) : [only], timeIsUp, async (n) => {
    const random = generator(seed, 'commands', n);
    const isCrafted = random.below(3) === 0;
    const { file, commands, mustRefuse } = isCrafted ? found[0] : random.pick(found);
    const own = path.join(folder, `command-${n}`);
    cpSync(place, own, { recursive: true });
    const target = path.join(own, file);
    const whole = file.endsWith('.lock') ? Buffer.from('123') : readFileSync(target);
    const damaged = isCrafted ? craft(encodeCheckpoint, checkpoint, random) : damage(whole, random, [whole]);
    writeFileSync(target, damaged);
    const args = random.pick(commands);
    const what = `${isCrafted ? 'crafted' : 'damaged'} ${file}, vae ${args[0]}`;
    const env = { VAE_DATA_DIR: path.join(own, 'cache') };
    const result = await run(args, { cwd: own, env, limit: LONGEST, tally, what });
    const again = `node scripts/reliability/campaign.mjs --seed ${seed} --only commands --case ${n}`;
    const said = result.code === 0 ? '' : ` (${errorLine(result)})`;
    for (const fault of faultsOf(result)) tally.fail(`${what}: ${fault}`, again);
    if (mustRefuse && !isCrafted && result.code === 0 && !damaged.equals(whole))
      tally.fail(`${what}: accepted silently${said}`, again);
    tally.count('commands');
    tally.count(`with exit code ${result.code}`);
    rmSync(own, { recursive: true, force: true });
  });
  rmSync(place, { recursive: true, force: true });
}

function* numbers(most) {
  for (let n = 0; n < most; n++) yield n;
}

/** As a stranger would make one: with a right checksum. Not every value can be written. */
function craft(encodeCheckpoint, { config, imageShape, progress, data, parameters, moments }, random) {
  for (;;) {
    const part = random.pick(['config', 'config', 'imageShape', 'progress', 'progress', 'data', 'parameters']);
    const whole = { config, imageShape, progress, data, parameters, moments };
    try {
      return encodeCheckpoint({ ...whole, [part]: damageValue(whole[part], random) });
    } catch {
      // Another one, then.
    }
  }
}
