/**
 * The dense benchmark as people write it in TensorFlow.js: variables, a loss of operations, optimiser.minimize. Driven
 * line by line over stdin, as torch_peer.py is; each command is answered by a line of JSON.
 *
 *     node scripts/bench/tfjs_peer.mjs FOLDER BACKEND
 *
 * Needs @tensorflow/tfjs, which is looked for as Node does, in NODE_PATH too.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { decodeSafetensors } from '../../dist/runs/safetensors.js';

const [folder, backend] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs');
if (backend === 'wasm') require('@tensorflow/tfjs-backend-wasm');
await tf.setBackend(backend);
await tf.ready();

const about = JSON.parse(readFileSync(join(folder, 'model.json')));
const tensorsOf = (file) => decodeSafetensors(readFileSync(join(folder, file)), file).tensors;
const toFloats = ({ buffer, byteOffset, byteLength }) =>
  new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));

/** Weights lie [inputs, outputs] there, ours [outputs, inputs]. */
const arranged = ({ shape, values }) =>
  tf.tidy(() => (shape.length === 2 ? tf.transpose(tf.tensor(values, shape)) : tf.tensor(values, shape)));
const variables = new Map(
  tensorsOf('weights.safetensors').map((tensor) => [tensor.name, tf.variable(arranged(tensor), true, tensor.name)]),
);
const ACTIVATIONS = { ELU: tf.elu, Tanh: tf.tanh, ReLU: tf.relu };

/** The layers that a network prints, applied in turn. */
const network = (name) => {
  const layers = [...about.printed[name].matchAll(/\((\d+)\): (\w+)/g)].map(([, index, kind]) => {
    if (kind !== 'Linear') return ACTIVATIONS[kind];
    const [weight, bias] = ['weight', 'bias'].map((what) => variables.get(`${name}.${index}.${what}`));
    return (x) => tf.add(tf.matMul(x, weight), bias);
  });
  return (x) => layers.reduce((value, layer) => layer(value), x);
};
const [encoder, decoder] = [network('encoder'), network('decoder')];

/** The negative mean bound: Bernoulli from logits, and the KL of a normal with a log variance. */
function lossOf(x, noise) {
  const [mean, logVariance] = tf.split(encoder(x), 2, 1);
  const logits = decoder(tf.add(mean, tf.mul(tf.exp(tf.div(logVariance, 2)), noise)));
  const crossEntropy = tf.add(tf.sub(tf.relu(logits), tf.mul(logits, x)), tf.log1p(tf.exp(tf.neg(tf.abs(logits)))));
  const kl = tf.sub(tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), 1), logVariance);
  return tf.div(tf.add(tf.sum(crossEntropy), tf.div(tf.sum(kl), 2)), x.shape[0]);
}

const pixels = about.imageShape.reduce((product, side) => product * side);
const bytes = readFileSync(join(folder, 'images.bin'));
const images = tf.tensor2d(
  Float32Array.from(bytes, (byte) => byte / 255),
  [bytes.length / pixels, pixels],
);

function check() {
  const noise = tf.tensor2d(toFloats(readFileSync(join(folder, 'noise.bin'))), about.noise.shape.slice(1));
  const { value, grads } = tf.variableGrads(() => lossOf(images.slice(0, about.batch), noise));
  const after = new Map(tensorsOf('after.safetensors').map((tensor) => [tensor.name, arranged(tensor).dataSync()]));
  const norm = (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  const worst = [...variables].map(([name, variable]) => {
    const [theirs, before] = [grads[name].dataSync(), variable.dataSync()];
    const difference = theirs.map((gradient, i) => before[i] - after.get(name)[i] - gradient);
    return norm(difference) / (norm(theirs) + 1e-6);
  });
  return { value: [...value.dataSync()], worstGradient: Math.max(...worst) };
}

const optimiser = tf.train.adam(1e-3);

async function step() {
  const loss = tf.tidy(() => {
    const positions = tf.randomUniform([about.batch], 0, images.shape[0], 'int32');
    const x = tf.gather(images, positions);
    const noise = tf.randomNormal(about.noise.shape.slice(1));
    return optimiser.minimize(() => lossOf(x, noise), true);
  });
  await loss.data();
  loss.dispose();
}

async function timed(calls) {
  const times = [];
  for (let i = 0; i < 1 + calls; i++) {
    const began = performance.now();
    await step();
    if (i > 0) times.push(performance.now() - began);
  }
  const megabytes = process.resourceUsage().maxRSS / 1024;
  return { times, megabytes, engine: `TensorFlow.js ${tf.version.tfjs} on ${backend}, as it is usually written` };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = line.split(' ');
  console.log(JSON.stringify(name === 'check' ? check() : await timed(Number(args[0]))));
}
process.exit(0);
