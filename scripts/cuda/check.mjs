/**
 * Checks and times the CUDA engine on this machine, and prints all that there is to know in one go:
 *   node scripts/cuda/check.mjs [--precision float32,tf32] [--steps 500] [--skip suite,training,timing,loop,profile,torch] [--networks 'dense;MNIST conv'] [--source file]
 * It needs dist/ (npm run build); the conformance suite too where scripts/cuda/pack.sh has put it beside. No network.
 */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { networks, prepare, smallNetworks, trainerOn } from './networks.mjs';
import { profile, watched } from './profile.mjs';

const here = (file) => new URL(file, import.meta.url);
const load = (file) => import(here(`../../dist/${file}`));
const { createEngineOn, examineCuda } = await load('engines/cuda/index.js');
const { openGpu } = await load('engines/cuda/gpu.js');
const { KernelCache } = await load('engines/kernel-cache.js');
const { createReferenceEngine } = await load('engines/reference/index.js');
const { formatSchedule } = await load('engines/cuda/schedule-text.js');

const { values: options } = parseArgs({
  options: {
    precision: { type: 'string', default: 'float32,tf32' },
    steps: { type: 'string', default: '500' },
    skip: { type: 'string', default: '' },
    networks: { type: 'string', default: Object.keys(networks).join(';') },
    warmup: { type: 'string', default: '50' },
    source: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const skipped = new Set(options.skip.split(','));
const steps = Number(options.steps);
let failures = 0;

const print = (...text) => console.log(...text);
const section = (title) => print(`\n== ${title}`);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** A part of the check; one that breaks is reported, and the others go on. */
async function part(name, body) {
  if (skipped.has(name)) return;
  section(name);
  try {
    await body();
  } catch (error) {
    failures++;
    print(`FAILED ${name}: ${error.stack ?? error}`);
  }
}

section('libraries');
const report = await examineCuda();
for (const { what, path, missing } of report.libraries)
  print(`${missing === undefined ? '✓' : '✗'} ${what}: ${path ?? missing}`);
if (report.driver !== undefined) print(report.driver);
if (!report.complete) process.exit(1);

// A cache of its own: what is checked is compiled here and now.
const folder = mkdtempSync(path.join(tmpdir(), 'vae-check-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const cache = new KernelCache(folder);
const device = await openGpu({ cache });
print(device.description);

await part('suite', async () => {
  const suite = here('../../suite/test/engines/conformance.js');
  if (!existsSync(suite)) return print('skipped: only in what scripts/cuda/pack.sh packs');
  const { conformance } = await import(suite);
  const { runTests } = await import(here('../../suite/node_modules/vitest/index.js'));
  conformance(() => createEngineOn(device));
  const start = performance.now();
  const { passed, failed } = await runTests((name, error) => {
    print(`FAILED ${name}: ${options.verbose ? error.stack : error.message.split('\n')[0]}`);
  });
  failures += failed;
  print(`${passed} passed, ${failed} failed, in ${((performance.now() - start) / 1000).toFixed(0)} s`);
});

/** 100 steps on the GPU and on the reference, in 64 bits on the CPU, with the same noise. */
await part('training', async () => {
  for (const [name, network] of Object.entries(smallNetworks)) {
    const losses = async (engine) => {
      const { executable, step } = await prepare(engine, network, 500);
      const found = [];
      for (let i = 1; i <= 100; i++) found.push((await step(i)).loss[0]);
      await executable.release();
      return found;
    };
    const [expected, actual] = [await losses(createReferenceEngine()), await losses(createEngineOn(device))];
    const again = await losses(createEngineOn(device));
    const difference = Math.max(...expected.map((loss, i) => Math.abs(actual[i] - loss) / Math.abs(loss)));
    const isSame = actual.every((loss, i) => Object.is(loss, again[i]));
    if (!(difference < 1e-3) || !isSame) failures++;
    print(
      `${name}: loss ${expected[0].toFixed(3)} → ${expected[99].toFixed(3)}, on the GPU → ${actual[99].toFixed(3)};`,
      `largest difference ${(100 * difference).toFixed(4)} % ${difference < 1e-3 ? '✓' : 'FAILED'};`,
      `the same bits again ${isSame ? '✓' : 'FAILED'}`,
    );
  }
});

await part('timing', async () => {
  for (const precision of options.precision.split(',')) {
    const timed = precision === 'float32' ? device : await openGpu({ precision, cache });
    for (const name of options.networks.split(';')) {
      const network = networks[name];
      const engine = createEngineOn(timed);
      const { executable, step, compiled } = await prepare(engine, network);
      const again = await prepare(engine, network);
      await again.executable.release();
      const { steps: plan } = executable.schedule;
      if (precision === 'float32' && options.verbose) print(formatSchedule(executable.schedule));
      const products = plan.filter(({ kind }) => kind === 'product').length;
      let number = 0;
      /** Milliseconds a step, of which up to `ahead` are under way at once. */
      const time = async (count, ahead) => {
        const start = performance.now();
        const underWay = [];
        for (let i = 0; i < count; i++) {
          underWay.push(step(++number));
          if (underWay.length >= ahead) await underWay.shift();
        }
        const last = await Promise.all(underWay);
        if (!last.every(({ loss }) => Number.isFinite(loss[0]))) throw new Error('the loss is not finite');
        return (performance.now() - start) / count;
      };
      await time(Number(options.warmup), 1);
      const chunks = async (ahead) => {
        const found = [];
        for (let i = 0; i < 5; i++) found.push(await time(Math.ceil(steps / 5), ahead));
        return median(found);
      };
      const [alone, ahead] = [await chunks(1), await chunks(engine.runsAhead)];
      print(
        `${precision}, ${name}: ${products} products + ${plan.length - products} kernels + update;`,
        `${(1000 * alone).toFixed(1)} µs a step one by one, ${(1000 * ahead).toFixed(1)} µs with ${engine.runsAhead} under way;`,
        `compiled in ${compiled.toFixed(0)} ms, with kernels from the cache in ${again.compiled.toFixed(0)} ms`,
      );
      await executable.release();
    }
  }
});

/** The training loop with its records, one step after the other and with several under way. */
await part('loop', async () => {
  for (const name of options.networks.split(';')) {
    const engine = createEngineOn(device);
    const found = [];
    for (const runsAhead of [1, engine.runsAhead]) {
      const stepsPerEpoch = Math.min(100, steps);
      const trainer = trainerOn({ ...engine, runsAhead }, networks[name], { stepsPerEpoch, epochs: 2 });
      const losses = [];
      let [began, ended] = [0, 0];
      for await (const record of trainer.run()) {
        // The second epoch counts: the first waits for its programs.
        if (record.kind === 'epoch') began ||= performance.now();
        else {
          losses.push(record.loss);
          ended = performance.now();
        }
      }
      await trainer.release();
      found.push({ losses, time: (1000 * (ended - began)) / stepsPerEpoch });
    }
    const [alone, ahead] = found;
    const isSame = alone.losses.every((loss, i) => Object.is(loss, ahead.losses[i]));
    if (!isSame) failures++;
    print(
      `${name}: ${alone.time.toFixed(1)} µs a step one by one, ${ahead.time.toFixed(1)} µs with ${engine.runsAhead} under way;`,
      `the same losses ${isSame ? '✓' : 'FAILED'}`,
    );
  }
});

await part('profile', async () => {
  for (const name of options.networks.split(';')) {
    const { device: seen, recordings } = watched(device);
    const { executable } = await prepare(createEngineOn(seen), networks[name]);
    const [recording] = recordings;
    if (options.source !== undefined) writeFileSync(`${options.source}-${name.replace(' ', '-')}.cu`, recording.source);
    const { rows, together } = profile(device, recording);
    const sum = rows.reduce((total, { time }) => total + time, 0);
    print(
      `${name}: ${together.toFixed(1)} µs back to back without copies; its ${rows.length} commands alone ${sum.toFixed(1)} µs:`,
    );
    for (const { name: command, time } of rows) print(`  ${time.toFixed(2).padStart(8)} µs  ${command}`);
    await executable.release();
  }
});

await part('torch', async () => {
  const script = fileURLToPath(here('torch_bench.py'));
  const { stdout, stderr } = await promisify(execFile)('python3', [script, String(steps)], { timeout: 400_000 }).catch(
    (error) => error,
  );
  print((stdout ?? '').trim() || `skipped: no python3 with torch (${(stderr ?? '').trim().split('\n').at(-1)})`);
});

print(failures === 0 ? '\nall is well' : `\n${failures} FAILED`);
process.exitCode = failures === 0 ? 0 : 1;
