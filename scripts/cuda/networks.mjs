/** The networks that are checked and timed, and what running them takes. */

const dist = new URL('../../dist/', import.meta.url);
const load = (file) => import(new URL(file, dist));

const { DEFAULTS } = await load('training/config.js');
const { createModel, trainingProgram } = await load('training/programs.js');
const { batchSource } = await load('training/batches.js');
const { Trainer } = await load('training/trainer.js');
const { optimisers } = await load('nn/optimisers.js');
const { specOf } = await load('nn/parameter.js');
const { permutation, randomBits } = await load('random.js');

const MNIST = [1, 28, 28];
const CIFAR = [3, 32, 32];
const dense = { hidden: [500, 500], activation: ['elu', 'tanh'], latent: 20 };
const conv = { model: 'conv', activation: ['relu'] };

/** Timed at batch 128. */
export const networks = {
  dense: { settings: dense, image: MNIST },
  'dense, dropout': { settings: { ...dense, dropout: 0.1, binarize: 'stochastic' }, image: MNIST },
  'MNIST conv': { settings: { ...conv, channels: [32, 64], hidden: [256], latent: 20 }, image: MNIST },
  'CIFAR conv': {
    settings: { ...conv, channels: [32, 64, 128], hidden: [], latent: 128, likelihood: 'normal', range: 'symmetric' },
    image: CIFAR,
  },
};

/** Small enough for the reference to follow. */
export const smallNetworks = {
  dense: { settings: { ...dense, hidden: [64, 48], dropout: 0.1, binarize: 'stochastic' }, image: MNIST, batch: 32 },
  conv: { settings: { ...conv, channels: [6, 8], hidden: [32], latent: 8, clip: 20 }, image: [1, 14, 14], batch: 16 },
};

/** Half pattern, half noise: there is something to learn. */
function drawImages(count, pixels) {
  const bits = randomBits({ seed: 0, stream: 'images', step: 0 }, Math.ceil((count * pixels) / 4));
  const noisy = new Uint8Array(bits.buffer, 0, count * pixels);
  const images = noisy.map((byte, i) => (byte >> 1) + ((i % pixels) % 9 < 4 ? 127 : 0));
  return { count, images, labels: new Uint8Array(count) };
}

const modelOf = ({ settings, image }, chosen = {}) =>
  createModel({ ...DEFAULTS, ...settings, ...chosen, threads: 1, device: 'reference' }, image);

/** A network's program compiled on an engine, in so many milliseconds, with images and a function that makes a step. */
export async function prepare(engine, network, count = 10_000) {
  const { batch = 128 } = network;
  const model = modelOf(network);
  const { parameters, pixels } = model.vae;
  const optimiser = optimisers.adam.create();
  const state = engine.allocate(parameters.map(specOf), optimiser.update.moments);
  for (const { name, initialise } of parameters) state.write(name, initialise(0));
  const source = batchSource(drawImages(count, pixels), pixels);
  const program = trainingProgram(model, optimiser, batch, source);
  const began = performance.now();
  const executable = await engine.compile(program, { state, data: source.data });
  const compiled = performance.now() - began;
  const order = permutation(count, { seed: 0, stream: 'shuffle', step: 0 });
  const step = (number) => {
    const start = (number * batch) % (count - batch);
    return executable.run({
      arguments: { indices: order.subarray(start, start + batch) },
      noise: { seed: 0, step: number },
      coefficients: optimiser.coefficients(number, 1e-3),
    });
  };
  return { program, executable, compiled, state, step };
}

/** What `vae train` runs for a network: epochs of so many steps at batch 128, each with an evaluation. */
export function trainerOn(engine, network, { stepsPerEpoch, epochs }) {
  const model = modelOf(network, { epochs });
  const train = drawImages(128 * stepsPerEpoch, model.vae.pixels);
  const none = { count: 0, images: new Uint8Array(0), labels: new Uint8Array(0) };
  const test = { ...train, count: 128, images: train.images.subarray(0, 128 * model.vae.pixels) };
  const dataset = {
    name: 'drawn',
    imageShape: network.image,
    classes: [],
    fit: 'photo',
    train,
    validation: none,
    test,
  };
  return new Trainer(engine, model, dataset);
}
