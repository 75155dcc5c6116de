#!/usr/bin/env node
/**
 * Times our engines beside PyTorch and TensorFlow.js, alternating in one run, on the same networks, weights, images and
 * precision. See README.md beside it.
 */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { Worker } from './worker.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const VAE = join(HERE, '..', '..', 'bin', 'vae.js');
/** Losses and gradients of both sides may differ by this share. */
const TOLERANCE = 1e-3;

function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(1);
}

if (!existsSync(join(HERE, '..', '..', 'dist'))) fail('not built yet; run npm run build first');
const { engines } = await import('../../dist/engines/index.js');
const { benchmarks } = await import('../../dist/benchmarks/benchmarks.js');
const { limitsOf } = await import('./limits.mjs');
const NAMES = [...Object.keys(benchmarks), 'run', 'start'];

const among = (names) => (text) => {
  const unknown = text.split(',').find((name) => !names.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`${unknown} is none of ${names.join(', ')}.`);
  return text;
};

const integerFrom = (least) => (text) => {
  if (!/^\d+$/.test(text) || Number(text) < least) throw new InvalidArgumentError(`Expected an integer from ${least}.`);
  return Number(text);
};

/** A file that can be written, before an hour is spent on what is to be in it. */
function writable(file) {
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch {
    throw new InvalidArgumentError(`${dirname(file)} is no folder that can be written.`);
  }
  return file;
}

const options = new Command()
  .name('bench.mjs')
  .option('--only <names>', `of ${NAMES.join(', ')}`, (text) => among(NAMES)(text).split(','))
  .option('--rounds <n>', 'turns that each side takes; the first warms up', integerFrom(2), 7)
  .option('--milliseconds <n>', 'about how long a turn is', integerFrom(1), 1000)
  .option('--python <command>', 'a Python with torch and safetensors', 'python3')
  .option('--device <name>', 'ours', among(Object.keys(engines)), 'onnx')
  .option('--threads <n>', 'ours, by default all', integerFrom(1), availableParallelism())
  .option('--json <file>', 'write the figures there too', writable)
  .parse()
  .opts();

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const range = (values) => `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`;

/** The version of torch, or undefined where there is none. */
function findTorch() {
  const found = spawnSync(options.python, ['-c', 'import torch, safetensors; print(torch.__version__)']);
  return found.status === 0 ? String(found.stdout).trim() : undefined;
}

/** Whether both sides computed the same. */
function compare(work, ours, theirs) {
  const loss = ours.values.loss ?? Object.values(ours.values)[0];
  const worst = Math.max(...theirs.value.map((value, i) => Math.abs(value - loss[i]) / (Math.abs(loss[i]) + 1e-6)));
  const gradient = theirs.worstGradient ?? 0;
  if (!(worst < TOLERANCE && gradient < 5 * TOLERANCE)) {
    throw new Error(`${work}: the sides do not compute the same: values differ by ${worst}, gradients by ${gradient}`);
  }
  return { values: worst, gradients: gradient };
}

/**
 * Other ways of writing the same in PyTorch, for the models that they make a difference to: each is a flag of the peer, and
 * what the report says of it.
 */
const WAYS = {
  rewritten: { says: ', transposed convolutions rewritten', models: ['conv'] },
  'channels-last': { says: ', channels last', models: ['conv', 'residual'] },
};

/** Benchmarks that the peer does not know. */
const WITHOUT_TORCH = ['ladder'];

/** PyTorch with each number of threads, by the side's name and that number. Each must first compute what we did. */
async function torchSides(name, work, checked, folder, ...flags) {
  const sides = {};
  let difference;
  for (let threads = 1; threads <= availableParallelism(); threads *= 2) {
    const worker = new Worker(options.python, [join(HERE, 'torch_peer.py'), folder, String(threads), ...flags]);
    sides[`${name} ${threads}`] = worker;
    difference = compare(work, checked, await worker.ask('check'));
  }
  return { sides, difference };
}

/** TensorFlow.js as it is usually written, by the name of its backend, where it is installed. */
async function tfjsSides(work, checked, folder) {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs');
  } catch {
    return {};
  }
  const sides = {};
  for (const backend of ['wasm', 'cpu']) {
    const worker = new Worker(process.execPath, [join(HERE, 'tfjs_peer.mjs'), folder, backend]);
    sides[`usual-tfjs:${backend}`] = worker;
    compare(work, checked, await worker.ask('check'));
  }
  return sides;
}

/** Of the sides that differ in their threads alone, the one with the least median. */
function fastestOf(rounds) {
  const best = new Map();
  for (const name of Object.keys(rounds[0])) {
    const [kind] = name.split(' ');
    const time = median(rounds.map((round) => round[name]));
    if (time < (best.get(kind)?.time ?? Number.POSITIVE_INFINITY)) best.set(kind, { name, time });
  }
  return [...best].map(([kind, { name }]) => ({ kind, name }));
}

async function benchmark(work, torch, limits) {
  const folder = mkdtempSync(join(tmpdir(), 'vae-bench-'));
  const ours = (device, threads) =>
    new Worker(process.execPath, [join(HERE, 'ours.mjs'), work, device, String(threads), folder]);
  const sides = { ours: ours(options.device, options.threads) };
  try {
    const checked = await sides.ours.ask('check');
    let difference;
    if (torch !== undefined && !WITHOUT_TORCH.includes(work)) {
      const stock = await torchSides('torch', work, checked, folder);
      Object.assign(sides, stock.sides);
      difference = stock.difference;
      for (const [way, { models }] of Object.entries(WAYS)) {
        if (models.includes(benchmarks[work].config.model)) {
          Object.assign(sides, (await torchSides(way, work, checked, folder, way)).sides);
        }
      }
    }
    if (work === 'dense') {
      const ourTfjs = { 'tfjs:wasm': ours('tfjs:wasm', 1), 'tfjs:cpu': ours('tfjs:cpu', 1) };
      Object.assign(sides, ourTfjs, await tfjsSides(work, checked, folder));
    }
    const rounds = [];
    const last = {};
    for (let round = 0; round < options.rounds; round++) {
      const medians = {};
      for (const [name, worker] of Object.entries(sides)) {
        const known = rounds[0]?.[name];
        const calls = known === undefined ? 3 : Math.max(3, Math.round(options.milliseconds / known));
        last[name] = await worker.ask(`time ${name.includes('tfjs:') ? 2 : calls}`);
        medians[name] = median(last[name].times);
      }
      rounds.push(medians);
    }
    return report(work, rounds.slice(1), last, { difference, limits });
  } finally {
    for (const worker of Object.values(sides)) worker.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(work, rounds, last, { difference, limits }) {
  const of = (name) => rounds.map((round) => round[name]);
  const { multiplyAdds, bytes, parameters } = last.ours;
  const [compute, memory] = [multiplyAdds / limits.multiplyAdds, bytes / limits.bytes];
  const share = Math.max(compute, memory) / median(of('ours'));
  console.log(`${work}: ${benchmarks[work].summary}; batch ${benchmarks[work].batch}, ${parameters} parameters`);
  const chosen = fastestOf(rounds);
  for (const { kind, name } of chosen) {
    const ratios = of(name).map((time, i) => time / rounds[i].ours);
    const beside = kind === 'ours' ? '' : `  ratio ${median(ratios).toFixed(2)} (${range(ratios)})`;
    const { engine, megabytes } = last[name];
    const label = `${engine}${WAYS[kind]?.says ?? ''}`;
    console.log(
      `  ${median(of(name)).toFixed(2)} ms (${range(of(name))})${beside}  ${megabytes.toFixed(0)} MB  ${label}`,
    );
  }
  console.log(
    `  ${(2e-6 * multiplyAdds).toFixed(0)} MFLOP take ${compute.toFixed(2)} ms at best, ${(bytes / 1e6).toFixed(0)} MB ${memory.toFixed(2)} ms: ${(100 * share).toFixed(0)} % of the limit reached`,
  );
  const sides = Object.fromEntries(
    Object.keys(rounds[0]).map((name) => [
      name,
      { engine: last[name].engine, medians: of(name), megabytes: last[name].megabytes },
    ]),
  );
  return { work, ...benchmarks[work], difference, sides, roofline: { multiplyAdds, bytes, share } };
}

/** Wall time of a whole command, in seconds. */
function wall(command, args, cwd) {
  const began = performance.now();
  const { status, stderr } = spawnSync(command, args, { cwd });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${String(stderr).trim().split('\n').at(-1)}`);
  return (performance.now() - began) / 1000;
}

/** Three epochs of 784-400-20 on MNIST, with samples and a checkpoint after each, from the command line to its end. */
function wholeRun(torch) {
  const folder = mkdtempSync(join(tmpdir(), 'vae-bench-'));
  const rounds = [];
  try {
    for (let round = 0; round < Math.min(options.rounds, 3); round++) {
      const ours = wall(
        process.execPath,
        [VAE, 'train', '--epochs', '3', '--out', join(folder, `run-${round}`)],
        folder,
      );
      const theirs = torch === undefined ? undefined : wall(options.python, [join(HERE, 'usual_script.py')], folder);
      rounds.push({ ours, torch: theirs });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const of = (name) => rounds.map((round) => round[name]);
  console.log(
    `run: train --epochs 3 on MNIST, 784-400-20\n  ${median(of('ours')).toFixed(1)} s (${range(of('ours'))})`,
  );
  if (torch !== undefined) {
    const ratios = rounds.map((round) => round.torch / round.ours);
    const ratio = `ratio ${median(ratios).toFixed(2)} (${range(ratios)})`;
    console.log(
      `  ${median(of('torch')).toFixed(1)} s (${range(of('torch'))})  ${ratio}  the usual script, PyTorch ${torch}`,
    );
  }
  return { work: 'run', rounds };
}

/** How long the program takes to answer. */
function start() {
  const folder = mkdtempSync(join(tmpdir(), 'vae-bench-'));
  try {
    wall(process.execPath, [VAE, 'train', '--steps', '20', '--hidden', '16', '--out', join(folder, 'run')], folder);
    const commands = { help: ['--help'], sample: ['sample', '--run', 'run', '-n', '49', '--out', 'grid.png'] };
    const times = Object.fromEntries(
      Object.entries(commands).map(([name, args]) => {
        const walls = Array.from({ length: 11 }, () => 1000 * wall(process.execPath, [VAE, ...args], folder));
        console.log(`start: vae ${args[0]} ${median(walls).toFixed(0)} ms (${range(walls)})`);
        return [name, walls];
      }),
    );
    return { work: 'start', times };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main() {
  const torch = findTorch();
  const limits = await limitsOf(await engines[options.device]({ threads: options.threads }));
  console.log(
    `${cpus()[0].model}, ${availableParallelism()} threads; Node ${process.version}; PyTorch ${torch ?? 'not found'}`,
  );
  console.log(
    `machine: ${(2e-6 * limits.multiplyAdds).toFixed(0)} GFLOP/s in a product of 1,024 × 1,024, ${(limits.bytes / 1e6).toFixed(0)} GB/s\n`,
  );
  const results = [];
  for (const name of options.only ?? NAMES) {
    if (name === 'run') results.push(wholeRun(torch));
    else if (name === 'start') results.push(start());
    else results.push(await benchmark(name, torch, limits));
  }
  if (options.json !== undefined) {
    const machine = { cpu: cpus()[0].model, threads: availableParallelism(), node: process.version, torch, limits };
    writeFileSync(options.json, JSON.stringify({ machine, results }, undefined, 2));
  }
}

await main().catch((error) => fail(error.message));
