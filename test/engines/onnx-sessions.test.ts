import { describe, expect, it, vi } from 'vitest';
import { prepare } from '../../src/benchmarks/benchmark.ts';
import { loadCApi } from '../../src/engines/onnx/c-api.ts';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import type { BoundTensor, Sessions } from '../../src/engines/onnx/session.ts';
import { bindingSessions } from '../../src/engines/onnx/session-binding.ts';
import { nativeSessions } from '../../src/engines/onnx/session-native.ts';
import { createProgram } from '../../src/tensor/program.ts';
import { argument, data } from '../../src/tensor/tensor.ts';
import { conformance } from './conformance.ts';

// An estimate is a lower bound: here onnxruntime itself is to run out of memory.
vi.mock('../../src/engines/memory-limit.ts', () => ({ expectRoomFor: () => {}, expectRoomForState: () => {} }));

const native = nativeSessions((await loadCApi())!);
const engineOn = (sessions: Sessions) => createOnnxEngine({ threads: 2 }, 'cpu', sessions);

describe("onnxruntime-node's binding", () => {
  conformance(() => engineOn(bindingSessions), { sizes: [[3, 5, 2]] });
});

describe("onnxruntime's C API", () => {
  it('is what the engine runs on here', async () => {
    expect(await loadCApi()).toBeDefined();
  });

  it('trains to the same bits as the binding', async () => {
    const trained = async (sessions: Sessions) => {
      const { state, time, release } = await prepare(await engineOn(sessions), 'dense', {
        settings: { hidden: [50], latent: 4 },
      });
      for (let step = 0; step < 50; step++) await time();
      await release();
      return state.parameters.map(({ name }) => state.read(name));
    };
    expect(await trained(native)).toEqual(await trained(bindingSessions));
  });

  it('does not touch memory that was given away', async () => {
    const engine = await engineOn(native);
    const table = Uint8Array.of(1, 2, 3);
    const sum = data('table', [3], 'uint8').cast('float').sum();
    const executable = await engine.compile(createProgram('given', { sum }), {
      state: engine.allocate([], []),
      data: { table },
    });
    expect((await executable.run({})).sum).toEqual(Float32Array.of(6));
    structuredClone(table, { transfer: [table.buffer] });
    await expect(executable.run({})).rejects.toThrow('could not run program "given": the memory of');
  });
});

describe.each([
  ['binding', bindingSessions],
  ['C API', native],
])('a session through the %s', (_, sessions) => {
  it('tells in one line that memory ran out', async () => {
    const huge = argument('x', [2 ** 24, 1])
      .add(argument('y', [1, 2 ** 24]))
      .exp()
      .sum();
    const engine = await engineOn(sessions);
    const executable = await engine.compile(createProgram('huge', { huge }), {
      state: engine.allocate([], []),
      data: {},
    });
    const given = { x: new Float32Array(2 ** 24), y: new Float32Array(2 ** 24) };
    await expect(executable.run({ arguments: given })).rejects.toThrow(
      /^onnxruntime could not run program "huge": .*; use a smaller batch, fewer samples or a smaller network$/,
    );
    await executable.release();
  });

  const compileOne = async () => {
    const engine = await engineOn(sessions);
    const state = engine.allocate([], []);
    return engine.compile(createProgram('one', { one: argument('x', [1]).exp() }), { state, data: {} });
  };

  it('does not run once it is released', async () => {
    const executable = await compileOne();
    const pending = executable.run({ arguments: { x: Float32Array.of(0) } });
    await executable.release();
    await expect(pending).rejects.toThrow(/^onnxruntime could not run program "one": .*(released|disposed)/);
  });

  it('gives timers their turn between runs', async () => {
    const executable = await compileOne();
    let rung = false;
    setTimeout(() => {
      rung = true;
    }, 1);
    for (const began = Date.now(); !rung && Date.now() - began < 5000; ) {
      await executable.run({ arguments: { x: Float32Array.of(0) } });
    }
    expect(rung).toBe(true);
    await executable.release();
  });

  it('refuses a graph in one line', async () => {
    const x: BoundTensor = { name: 'x', values: new Float32Array(1), dtype: 'float', shape: [1] };
    const graph = { model: Uint8Array.of(1, 2, 3), inputs: [x], outputs: [], threads: 1, provider: 'cpu' };
    await expect(sessions.open(graph)).rejects.toThrow(/^Failed to load model because protobuf parsing failed\.$/);
  });
});
