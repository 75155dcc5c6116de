/**
 * One benchmark on one of our engines, driven line by line over stdin; each command is answered by a line of JSON.
 *
 *     node scripts/bench/ours.mjs WORK DEVICE THREADS FOLDER
 *
 * `share` writes what a peer needs into FOLDER: the first weights, the images, the noise, and how the network is built.
 * `check` makes one step of plain gradient descent on the first images. `time N` times N calls.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { engines } from '../../dist/engines/index.js';
import { fillNoise } from '../../dist/random.js';
import { measure, noiseOf, prepare } from '../../dist/training/benchmark.js';
import { benchmarks } from '../../dist/training/benchmarks.js';
import { encodeSafetensors } from '../../dist/training/safetensors.js';

const [work, device, threads, folder] = process.argv.slice(2);
const { batch, work: kind, imageShape } = benchmarks[work];
const engine = await engines[device]({ threads: Number(threads) });
const first = Int32Array.from({ length: batch }, (_, i) => i);

/** Parameters by name. */
const weights = (state) => state.parameters.map(({ name, shape }) => ({ name, shape, values: state.read(name) }));

function share({ model, program, state, images }) {
  writeFileSync(join(folder, 'weights.safetensors'), encodeSafetensors({ tensors: weights(state), metadata: {} }));
  writeFileSync(join(folder, 'images.bin'), images);
  const [noise] = noiseOf(program);
  const values = new Float32Array(noise?.size ?? 0);
  if (noise !== undefined) fillNoise(values, noise.distribution, { seed: 0, stream: noise.stream, step: 0 });
  writeFileSync(join(folder, 'noise.bin'), new Uint8Array(values.buffer));
  const { encoder, decoder } = model.vae;
  const printed = { encoder: encoder.pytorch, decoder: decoder.pytorch };
  const { config } = model;
  writeFileSync(join(folder, 'model.json'), JSON.stringify({ config, batch, kind, imageShape, printed, noise }));
}

/** The outputs of one call, and where it trains the weights after a step of plain gradient descent of length 1. */
async function check() {
  const prepared = await prepare(engine, work, kind === undefined ? { optimizer: 'sgd', momentum: 0 } : {});
  share(prepared);
  const results = await prepared.call(first, 1);
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
    running ??= await prepare(engine, work);
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
