/**
 * The default engine: a program becomes one ONNX graph, run by onnxruntime on the CPU in 32-bit floats.
 *
 * The graph computes outputs and gradients. The update is not part of it: it is one SIMD pass over the flat memory
 * that the graph reads parameters from and writes gradients to, so nothing is copied between them.
 */

import { setImmediate } from 'node:timers/promises';
import { counted } from '../../base/words.ts';
import { fillNoise } from '../../random/random.ts';
import type { NumericArray } from '../../tensor/primitives.ts';
import { inputsOf, type Program } from '../../tensor/program.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { channelsLast } from '../channels-last/program.ts';
import { type CompleteCall, checkedEngine } from '../checked.ts';
import { ARRAYS, type Bindings, type Engine, EngineError, type EngineOptions } from '../engine.ts';
import { loadCApi } from './c-api.ts';
import { gradientName, inputName, lowerProgram, outputName } from './lowering.ts';
import { FlatMemory } from './memory.ts';
import { type Handed, piecesOf } from './pieces.ts';
import { encodeModel } from './protobuf.ts';
import type { BoundGraph, BoundTensor, Session, Sessions } from './session.ts';
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
  const cpu = `the CPU, ${counted(threads, 'thread')}`;
  return checkedEngine({
    name: provider === 'cpu' ? 'onnx' : `onnx:${provider}`,
    description: `onnxruntime on ${provider === 'cpu' ? cpu : `${provider} and ${cpu}`}, float32`,
    hasOwnMemory: provider !== 'cpu',
    allocate: (parameters, moments) => new FlatMemory(parameters, moments, takeShared && threads > 1),
    compile: (program, { state, data }) => createExecutable(program, state, data, { threads, provider, open }),
  });
}

/** Through the C API on the CPU, where that can be called; onnxruntime-node's binding is for all else. */
async function sessionsOn(provider: string): Promise<Sessions> {
  const api = provider === 'cpu' ? await loadCApi() : undefined;
  return api === undefined ? bindingSessions : nativeSessions(api);
}

/** Threads of all pieces of a program together: each piece has its own, which sleep while others run. */
const MOST_THREADS = 1024;

async function createExecutable(
  original: Program,
  state: FlatMemory,
  data: Bindings['data'],
  { threads, provider, open }: Pick<BoundGraph, 'threads' | 'provider'> & Pick<Sessions, 'open'>,
) {
  const program = channelsLast(original);
  const { programs, handed } = piecesOf(program);
  const ownThreads = Math.max(1, Math.min(threads, Math.floor(MOST_THREADS / programs.length)));
  const sessions: Session[] = [];
  const release = async (): Promise<void> => {
    for (const session of sessions.splice(0)) await session.release();
  };
  const compiled = program.update && compileUpdate(program.update, state);
  const memory = bindAll(program, handed, state, data);
  let update: Awaited<ReturnType<typeof shareUpdate>> | undefined;
  try {
    for (const piece of programs) {
      // Preparing a graph takes a second or so, after which a signal is heard.
      await setImmediate();
      sessions.push(await openPiece(piece, memory, { threads: ownThreads, provider, open }));
    }
    update = compiled && (await shareUpdate(compiled, state, threads));
  } catch (error) {
    await release();
    fail(program, error);
  }

  return {
    run: async (call: CompleteCall) => {
      memory.fill(call);
      for (const session of sessions) await session.run().catch((error: unknown) => fail(program, error));
      update?.apply(call.coefficients);
      return memory.results;
    },
    release: async () => {
      update?.release();
      await release();
    },
  };
}

/** A session of one piece, with those of the tensors that it reads and writes. */
function openPiece(
  piece: Program,
  { inputs, outputs }: Pick<BoundGraph, 'inputs' | 'outputs'>,
  { open, ...how }: Pick<BoundGraph, 'threads' | 'provider'> & Pick<Sessions, 'open'>,
): Promise<Session> {
  const graph = lowerProgram(piece);
  const [reads, writes] = [graph.inputs, graph.outputs].map((values) => new Set(values.map(({ name }) => name)));
  return open({
    model: encodeModel(graph),
    inputs: inputs.filter(({ name }) => reads.has(name)),
    outputs: outputs.filter(({ name }) => writes.has(name)),
    ...how,
  });
}

/** Memory for all that the pieces read and write. What they hand on has one array, an output of one, an input of others. */
function bindAll(program: Program, handed: readonly Handed[], state: FlatMemory, data: Bindings['data']) {
  try {
    const { tensors: inputs, fill } = bindInputs(program, state, data);
    const { tensors: outputs, results } = bindResults(program, state);
    for (const { name, node } of handed) {
      const values = new ARRAYS[node.dtype](node.size);
      inputs.push(bound(inputName('argument', name), node, values));
      outputs.push(bound(outputName(name), node, values));
    }
    return { inputs, outputs, results, fill };
  } catch (error) {
    // The array is too large to allocate.
    return fail(program, error);
  }
}

const bound = (name: string, { dtype, shape }: Tensor, values: NumericArray): BoundTensor => {
  return { name, values, dtype, shape };
};

/** Parameters and data lie where they are; arguments and noise have a buffer each, filled anew before every call. */
function bindInputs(program: Program, state: FlatMemory, data: Bindings['data']) {
  const parameters = inputsOf(program, 'parameter').map(({ node, source }) =>
    bound(inputName('parameter', source.name), node, state.view(source.name)),
  );
  const resident = inputsOf(program, 'data').map(({ node, source }) =>
    bound(inputName('data', source.name), node, data[source.name]),
  );
  const args = inputsOf(program, 'argument').map(({ node, source }) => ({
    source,
    ...bound(inputName('argument', source.name), node, new ARRAYS[node.dtype](node.size)),
  }));
  const noises = inputsOf(program, 'noise').map(({ node, source }) => {
    const values = new Float32Array(node.size);
    return { source, ...bound(inputName('noise', source.stream), node, values), values };
  });
  return {
    tensors: [...parameters, ...resident, ...args, ...noises],
    fill: (call: CompleteCall): void => {
      for (const { source, values } of args) values.set(call.arguments[source.name]);
      for (const { source, values } of noises) {
        fillNoise(values, source.distribution, { ...call.noise, stream: source.stream });
      }
    },
  };
}

/** Outputs have arrays of their own, which are the results of every call; gradients go where the update reads them. */
function bindResults({ outputs, gradients }: Program, state: FlatMemory) {
  const results = Object.fromEntries(Object.entries(outputs).map(([name, { size }]) => [name, new Float32Array(size)]));
  const tensors = [
    ...Object.entries(outputs).map(([name, node]) => bound(outputName(name), node, results[name])),
    ...Object.entries(gradients).map(([name, node]) => bound(gradientName(name), node, state.view(name, 'gradient'))),
  ];
  return { results, tensors };
}

/** The library's messages run over many lines; the first says what happened, most often that memory ran out. */
function fail(program: Program, error: unknown): never {
  const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
  const remedy = /alloc|array length/i.test(reason) ? '; use a smaller batch, fewer samples or a smaller network' : '';
  throw new EngineError(`onnxruntime could not run program "${program.name}": ${reason}${remedy}`);
}
