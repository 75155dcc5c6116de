/**
 * The default engine: a program becomes one ONNX graph, run by onnxruntime on the CPU in 32-bit floats.
 *
 * The graph computes outputs and gradients. The update is not part of it: it is one SIMD pass over the flat memory
 * that the graph reads parameters from and writes gradients to, so nothing is copied between them.
 */

import './privacy.ts';

import { env, InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { fillNoise } from '../../random.ts';
import type { DType, NumericArray } from '../../tensor/primitives.ts';
import { inputsOf, type Program } from '../../tensor/program.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { channelsLast } from '../channels-last/program.ts';
import {
  type Bindings,
  type Call,
  type Engine,
  EngineError,
  type EngineOptions,
  type Executable,
  expectLength,
  required,
} from '../engine.ts';
import { gradientName, inputName, lowerProgram, outputName } from './lowering.ts';
import { FlatMemory } from './memory.ts';
import { encodeModel } from './protobuf.ts';
import { compileUpdate } from './update.ts';

// Errors come back as exceptions; the library's own lines are not for the user.
env.logLevel = 'fatal';

/** @param provider one of onnxruntime's execution providers: see providers.ts. */
export function createOnnxEngine({ threads }: EngineOptions, provider = 'cpu'): Engine {
  const cpu = `the CPU, ${threads} thread${threads === 1 ? '' : 's'}`;
  return {
    name: provider === 'cpu' ? 'onnx' : `onnx:${provider}`,
    description: `onnxruntime on ${provider === 'cpu' ? cpu : `${provider} and ${cpu}`}, float32`,
    allocate: (parameters, moments) => new FlatMemory(parameters, moments),
    compile: (program, bindings) => createExecutable(program, bindings, { threads, provider }),
  };
}

const ARRAYS = { float: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array } as const;

/** Wraps an array as a tensor of onnxruntime, without a copy. */
function wrap(values: NumericArray, { shape, dtype }: { shape: readonly number[]; dtype: DType }): OrtTensor {
  const type = dtype === 'float' ? 'float32' : dtype;
  return new OrtTensor(type, values as Float32Array, shape);
}

async function createExecutable(
  original: Program,
  { state, data }: Bindings,
  { threads, provider }: { readonly threads: number; readonly provider: string },
): Promise<Executable> {
  if (!(state instanceof FlatMemory)) throw new TypeError('the onnx engine runs on its own state');
  const program = channelsLast(original);
  const feeds: Record<string, OrtTensor> = {};
  for (const { node, source } of inputsOf(program, 'parameter')) {
    const values = state.view(source.name);
    expectLength(values, node.size, `parameter "${source.name}" of program ${program.name}`);
    feeds[inputName('parameter', source.name)] = wrap(values, node);
  }
  for (const { node, source } of inputsOf(program, 'data')) {
    const values = required(data, source.name, 'data');
    expectLength(values, node.size, `data "${source.name}" of program ${program.name}`);
    feeds[inputName('data', source.name)] = wrap(values, node);
  }
  // Arguments and noise have a buffer each, filled anew before every run.
  const args = inputsOf(program, 'argument').map(({ node, source }) => {
    const values = new ARRAYS[node.dtype](node.size);
    feeds[inputName('argument', source.name)] = wrap(values, node);
    return { source, values };
  });
  const noises = inputsOf(program, 'noise').map(({ node, source }) => {
    const values = new Float32Array(node.size);
    feeds[inputName('noise', source.stream)] = wrap(values, node);
    return { source, values };
  });

  const outputs = Object.entries(program.outputs).map(([name, node]) => ({ name, values: outputBuffer(name, node) }));
  const results = Object.fromEntries(outputs.map(({ name, values }) => [name, values]));
  const fetches: Record<string, OrtTensor> = {};
  for (const { name, values } of outputs) fetches[outputName(name)] = wrap(values, program.outputs[name]);
  for (const [name, node] of Object.entries(program.gradients)) {
    fetches[gradientName(name)] = wrap(state.view(name, 'gradient'), node);
  }
  checkGradients(program, state);
  const update = program.update === undefined ? undefined : compileUpdate(program.update, state);

  const session = await InferenceSession.create(encodeModel(lowerProgram(program)), {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    // Importance weights reach below 2⁻¹²⁶, where each operation costs a hundred cycles: 600 steps of the IWAE on MNIST
    // take 14 s where they took 34.
    extra: { session: { set_denormal_as_zero: '1' } },
  }).catch((error: unknown) => fail(program, error));

  return {
    run: async (call: Call) => {
      for (const { source, values } of args) {
        const given = required(call.arguments, source.name, 'argument');
        expectLength(given, values.length, `argument "${source.name}" of program ${program.name}`);
        values.set(given);
      }
      for (const { source, values } of noises) {
        if (call.noise === undefined) throw new EngineError(`program ${program.name} needs noise`);
        fillNoise(values, source.distribution, { ...call.noise, stream: source.stream });
      }
      await session.run(feeds, fetches).catch((error: unknown) => fail(program, error));
      update?.(call.coefficients ?? {});
      return results;
    },
    release: () => session.release(),
  };
}

/** The library's messages run over many lines; the first says what happened, most often that memory ran out. */
function fail(program: Program, error: unknown): never {
  const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
  const remedy = /alloc/i.test(reason) ? '; use a smaller batch, fewer samples or a smaller network' : '';
  throw new EngineError(`onnxruntime could not run program "${program.name}": ${reason}${remedy}`);
}

function outputBuffer(name: string, { dtype, size }: Tensor): Float32Array {
  if (dtype !== 'float') throw new EngineError(`output "${name}" is ${dtype}; cast it to float`);
  return new Float32Array(size);
}

/** The update runs over the whole memory, so every parameter must have its gradient. */
function checkGradients({ name, update, gradients }: Program, state: FlatMemory): void {
  if (update === undefined) return;
  const missing = state.parameters.find((parameter) => gradients[parameter.name] === undefined);
  if (missing !== undefined) throw new EngineError(`program ${name} has no gradient for "${missing.name}"`);
  const moment = update.moments.find((m) => !state.moments.includes(m));
  if (moment !== undefined) throw new EngineError(`program ${name} needs the moment "${moment}" in its state`);
}
