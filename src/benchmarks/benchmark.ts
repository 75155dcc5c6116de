/** Prepares the work of benchmarks.ts on an engine, on random images, and times it. */

import type { ImageSet } from '../data/dataset.ts';
import type { Call, Engine, Results, State } from '../engines/engine.ts';
import { averaged } from '../nn/averaging.ts';
import { type Optimiser, optimisers } from '../nn/optimisers.ts';
import { specOf } from '../nn/parameter.ts';
import { type BatchSource, batchSource } from '../programs/batches.ts';
import { initialValues } from '../programs/initial-values.ts';
import {
  betaArgument,
  createModel,
  decodeProgram,
  importanceProgram,
  type Model,
  trainingProgram,
} from '../programs/programs.ts';
import { permutation, randomBits } from '../random/random.ts';
import type { NamedTensor } from '../runs/safetensors.ts';
import { DEFAULTS, type RunConfig } from '../settings/table.ts';
import { inputsOf, multiplyAdds, type Program, productBytes } from '../tensor/program.ts';
import { sizeOf } from '../tensor/shape.ts';
import { type Benchmark, type BenchmarkName, benchmarks } from './benchmarks.ts';

const IMAGES = 1024;

/** One program of a benchmark, compiled and ready to be called. */
export interface Prepared {
  readonly model: Model;
  readonly program: Program;
  readonly state: State;
  readonly images: Uint8Array;
  /** Values of all parameters. */
  readonly parameters: number;
  /** Multiply-adds of one call's matrix products and convolutions. */
  readonly multiplyAdds: number;
  /** Bytes that a call must move: the operands and results of its products, and what its update reads and writes. */
  readonly bytes: number;
  /** Milliseconds of the next call. */
  time(): Promise<number>;
  /** One call on given images, with the noise of step 0. */
  call(positions: Int32Array, learningRate: number): Promise<Results>;
  release(): Promise<void>;
}

/** What a benchmark begins with, other than its own settings, random images and the first values of a run on them. */
export interface Given {
  readonly settings?: Partial<RunConfig>;
  /** As many images as there are. */
  readonly images?: Uint8Array;
  readonly weights?: readonly NamedTensor[];
}

/** What a benchmark runs, before any engine is chosen. */
interface Plan {
  readonly model: Model;
  readonly optimiser: Optimiser;
  readonly set: ImageSet & Pick<Prepared, 'images'>;
  readonly source: BatchSource;
  readonly program: Program;
}

function plan(name: BenchmarkName, { settings = {}, images: chosenImages }: Given = {}): Plan {
  const { imageShape, config: chosen, batch, work }: Benchmark = benchmarks[name];
  const config = { ...DEFAULTS, device: 'reference', threads: 1, ...chosen, ...settings } as const;
  const model = createModel(config, imageShape);
  const { pixels } = model.vae;
  const optimiser = averaged(optimisers[config.optimizer].create(config), config.ema);
  const images = chosenImages ?? randomImages(pixels);
  const count = images.length / pixels;
  const set = { count, images, labels: new Uint8Array(count) };
  const source = batchSource(set, pixels);
  const program = programOf(model, optimiser, batch, source, work);
  return { model, optimiser, set, source, program };
}

/** The program that a benchmark runs, which no engine is needed for. */
export const benchmarkProgram = (name: BenchmarkName): Program => plan(name).program;

/** A benchmark on an engine. */
export async function prepare(engine: Engine, name: BenchmarkName, given: Given = {}): Promise<Prepared> {
  const { batch, work }: Benchmark = benchmarks[name];
  const { model, optimiser, set, source, program } = plan(name, given);
  const { config, vae } = model;
  const { parameters } = vae;
  const state = engine.allocate(parameters.map(specOf), work === undefined ? optimiser.update.moments : []);
  for (const [parameter, values] of initialValues(model, set)) state.write(parameter, values);
  for (const { name: parameter, values } of given.weights ?? []) state.write(parameter, values);
  const executable = await engine.compile(program, { state, data: source.data });
  const order = permutation(set.count, { seed: 0, stream: 'shuffle', step: 0 });
  const latents = Float32Array.from({ length: batch * vae.latents }, (_, i) => Math.sin(i));

  // The KL term has its whole weight: as after the warm-up, where there is one.
  const fullBeta = work === undefined ? betaArgument(config, config.klWarmUp) : {};

  const callFor = (positions: Int32Array, step: number, learningRate: number): Call => ({
    arguments: work === 'decode' ? { latents } : { ...source.at(positions), ...fullBeta },
    noise: { seed: 0, step },
    ...(work === undefined && { coefficients: optimiser.coefficients(step + 1, learningRate) }),
  });
  let step = 0;
  const count = parameters.reduce((sum, { tensor }) => sum + tensor.size, 0);
  return {
    model,
    program,
    state,
    images: set.images,
    parameters: count,
    multiplyAdds: multiplyAdds(program),
    bytes: productBytes(program) + (work === undefined ? updateBytes(optimiser, count) : 0),
    time: async () => {
      step++;
      const start = (step * batch) % (set.count - batch);
      const call = callFor(order.subarray(start, start + batch), step, 1e-3);
      const began = performance.now();
      await executable.run(call);
      return performance.now() - began;
    },
    call: (positions, learningRate) => executable.run(callFor(positions, 0, learningRate)),
    release: () => executable.release(),
  };
}

function randomImages(pixels: number): Uint8Array {
  const bits = randomBits({ seed: 0, stream: 'benchmark', step: 0 }, (IMAGES * pixels) / 4);
  return new Uint8Array(bits.buffer, 0, IMAGES * pixels);
}

function programOf(
  model: Model,
  optimiser: Optimiser,
  batch: number,
  source: BatchSource,
  work: Benchmark['work'],
): Program {
  if (work === 'importance') return importanceProgram(model, batch, model.config.samples, source);
  if (work === 'decode') return decodeProgram(model, batch);
  return trainingProgram(model, optimiser, batch, source);
}

/** Parameters and moments are read and written once, gradients read. */
const updateBytes = ({ update }: Optimiser, parameters: number): number =>
  parameters * (2 * (1 + update.moments.length) + 1) * Float32Array.BYTES_PER_ELEMENT;

/** The noise of a program: its streams, each with its shape. */
export const noiseOf = (program: Program) =>
  inputsOf(program, 'noise').map(({ node, source }) => ({ ...source, shape: node.shape, size: sizeOf(node.shape) }));

export interface Measurement {
  /** Calls before the clock starts. */
  readonly warmUp: number;
  readonly calls: number;
  /** Time for each of both, cut short after its first call at the earliest. */
  readonly seconds?: number;
}

/** Milliseconds of each call. */
export async function measure(
  { time }: Prepared,
  { warmUp, calls, seconds = Number.POSITIVE_INFINITY }: Measurement,
): Promise<number[]> {
  const makeCalls = async (count: number): Promise<number[]> => {
    const times: number[] = [];
    const end = performance.now() + 1000 * seconds;
    while (times.length < count && (times.length === 0 || performance.now() < end)) times.push(await time());
    return times;
  };
  await makeCalls(warmUp);
  return makeCalls(calls);
}
