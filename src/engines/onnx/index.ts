/**
 * The default engine: a program becomes one ONNX graph, run by onnxruntime on the CPU in 32-bit floats.
 *
 * The graph computes outputs and gradients. The update is not part of it: it is one SIMD pass over the flat memory
 * that the graph reads parameters from and writes gradients to, so nothing is copied between them.
 */

import { fillNoise } from '../../random/random.ts';
import type { NumericArray } from '../../tensor/primitives.ts';
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
  expectWholeUpdate,
  required,
} from '../engine.ts';
import { loadCApi } from './c-api.ts';
import { gradientName, inputName, lowerProgram, outputName } from './lowering.ts';
import { FlatMemory } from './memory.ts';
import { encodeModel } from './protobuf.ts';
import type { BoundGraph, BoundTensor, Sessions } from './session.ts';
import { bindingSessions } from './session-binding.ts';
import { nativeSessions } from './session-native.ts';
import { compileUpdate } from './update.ts';
import { shareUpdate } from './update-threads.ts';

/** @param provider one of onnxruntime's execution providers: see providers.ts. */
export async function createOnnxEngine(
  { threads }: EngineOptions,
  provider = 'cpu',
  sessions?: Sessions,
): Promise<Engine> {
  const { open, takeShared } = sessions ?? (await sessionsOn(provider));
  const cpu = `the CPU, ${threads} thread${threads === 1 ? '' : 's'}`;
  return {
    name: provider === 'cpu' ? 'onnx' : `onnx:${provider}`,
    description: `onnxruntime on ${provider === 'cpu' ? cpu : `${provider} and ${cpu}`}, float32`,
    allocate: (parameters, moments) => new FlatMemory(parameters, moments, takeShared && threads > 1),
    compile: (program, bindings) => createExecutable(program, bindings, { threads, provider, open }),
  };
}

const ARRAYS = { float: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array } as const;

/** Through the C API on the CPU, where that can be called; onnxruntime-node's binding is for all else. */
async function sessionsOn(provider: string): Promise<Sessions> {
  const api = provider === 'cpu' ? await loadCApi() : undefined;
  return api === undefined ? bindingSessions : nativeSessions(api);
}

/** @param values where none are given, memory of its own. */
function bound(
  name: string,
  { dtype, shape, size }: Tensor,
  values: NumericArray = new ARRAYS[dtype](size),
): BoundTensor {
  // Its memory is read as what the graph says it is.
  if (!(values instanceof ARRAYS[dtype])) throw new TypeError(`${name} is ${dtype}, not of ${values.constructor.name}`);
  return { name, values, dtype, shape };
}

async function createExecutable(
  original: Program,
  { state, data }: Bindings,
  { threads, provider, open }: Pick<BoundGraph, 'threads' | 'provider'> & Pick<Sessions, 'open'>,
): Promise<Executable> {
  if (!(state instanceof FlatMemory)) throw new TypeError('the onnx engine runs on its own state');
  const program = channelsLast(original);
  const parameters = inputsOf(program, 'parameter').map(({ node, source }) => {
    const values = state.view(source.name);
    expectLength(values, node.size, `parameter "${source.name}" of program ${program.name}`);
    return bound(inputName('parameter', source.name), node, values);
  });
  const resident = inputsOf(program, 'data').map(({ node, source }) => {
    const values = required(data, source.name, 'data');
    expectLength(values, node.size, `data "${source.name}" of program ${program.name}`);
    return bound(inputName('data', source.name), node, values);
  });
  // Arguments and noise have a buffer each, filled anew before every run.
  const args = inputsOf(program, 'argument').map(({ node, source }) => {
    return { source, ...bound(inputName('argument', source.name), node) };
  });
  const noises = inputsOf(program, 'noise').map(({ node, source }) => {
    const values = new Float32Array(node.size);
    return { source, ...bound(inputName('noise', source.stream), node, values), values };
  });

  const results = Object.fromEntries(
    Object.entries(program.outputs).map(([name, node]) => [name, bufferOf(name, node)]),
  );
  const outputs = Object.entries(program.outputs).map(([name, node]) => bound(outputName(name), node, results[name]));
  const derivatives = Object.entries(program.gradients).map(([name, node]) =>
    bound(gradientName(name), node, state.view(name, 'gradient')),
  );
  expectWholeUpdate(program, state);
  const compiled = program.update && compileUpdate(program.update, state);

  const session = await open({
    model: encodeModel(lowerProgram(program)),
    inputs: [...parameters, ...resident, ...args, ...noises],
    outputs: [...outputs, ...derivatives],
    threads,
    provider,
  }).catch((error: unknown) => fail(program, error));
  const update = compiled && (await shareUpdate(compiled, state, threads));

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
      await session.run().catch((error: unknown) => fail(program, error));
      update?.apply(call.coefficients ?? {});
      return results;
    },
    release: async () => {
      update?.release();
      await session.release();
    },
  };
}

/** The library's messages run over many lines; the first says what happened, most often that memory ran out. */
function fail(program: Program, error: unknown): never {
  const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
  const remedy = /alloc/i.test(reason) ? '; use a smaller batch, fewer samples or a smaller network' : '';
  throw new EngineError(`onnxruntime could not run program "${program.name}": ${reason}${remedy}`);
}

function bufferOf(name: string, { dtype, size }: Tensor): Float32Array {
  if (dtype !== 'float') throw new EngineError(`output "${name}" is ${dtype}; cast it to float`);
  return new Float32Array(size);
}
