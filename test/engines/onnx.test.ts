import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { channelsLast } from '../../src/engines/channels-last/program.ts';
import type { Engine } from '../../src/engines/engine.ts';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import { lowerProgram } from '../../src/engines/onnx/lowering.ts';
import { FlatMemory } from '../../src/engines/onnx/memory.ts';
import { piecesOf } from '../../src/engines/onnx/pieces.ts';
import { compileUpdate } from '../../src/engines/onnx/update.ts';
import { shareUpdate } from '../../src/engines/onnx/update-threads.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram, elementwiseUpdate, inputsOf } from '../../src/tensor/program.ts';
import { argument, parameter, type Tensor } from '../../src/tensor/tensor.ts';
import { conformance } from './conformance.ts';
import { adamLike, convolutionalPrograms } from './networks.ts';

describe('onnx', () => {
  conformance(() => createOnnxEngine({ threads: 2 }));
});

describe('a network of more nodes than one graph may have', () => {
  const LAYERS = 1200;
  const [x, w] = [argument('x', [4, 3]), parameter('w', [3, 3])];
  const chosen = (y: Tensor): Tensor => y.greater(0).where(y, y.mul(0.5));
  const loss = Array.from({ length: LAYERS })
    .reduce((y: Tensor) => chosen(y.matmul(w)), x)
    .sum();
  const descent = elementwiseUpdate([], ['rate'], (at) => ({
    parameter: at.parameter.sub(at.gradient.mul(at.rate)),
  }));
  const program = createProgram('deep', { loss }, { gradients: { w: gradients(loss, [w])[0] }, update: descent });

  it('is trained as the reference trains it', async () => {
    const train = async (engine: Engine) => {
      const state = engine.allocate([{ name: 'w', shape: [3, 3] }], []);
      state.write('w', [0.9, 0.1, 0, 0, 0.9, 0.1, 0.1, 0, 0.9]);
      const executable = await engine.compile(program, { state, data: {} });
      const given = { x: Float32Array.from({ length: 12 }, (_, i) => 1 + i) };
      const losses: number[] = [];
      for (let step = 0; step < 3; step++) {
        const results = await executable.run({ arguments: given, coefficients: { rate: 1e-9 } });
        losses.push(results.loss[0]);
      }
      await executable.release();
      return [...losses, ...state.read('w')];
    };
    expect(piecesOf(channelsLast(program)).programs.length).toBeGreaterThan(4);
    const [found, wanted] = [await train(await createOnnxEngine({ threads: 2 })), await train(createReferenceEngine())];
    found.forEach((value, i) => {
      expect(Math.abs(value / wanted[i] - 1)).toBeLessThan(1e-3);
    });
  });
});

describe('a network of more nodes than one graph may have, while it is compiled', () => {
  it('lets the event loop have its turn between graphs, so that signals are heard', async () => {
    const engine = await createOnnxEngine({ threads: 1 });
    const last = Array.from({ length: 8200 }).reduce(
      (x: Tensor) => x.mul(argument('w', [2])).tanh(),
      argument('x', [2]),
    );
    const program = createProgram('chain', { last });
    let turns = 0;
    let next = setImmediate(function turn() {
      turns++;
      next = setImmediate(turn);
    });
    const executable = await engine.compile(program, { state: engine.allocate([], []), data: {} });
    clearImmediate(next);
    await executable.release();
    expect(turns).toBeGreaterThanOrEqual(piecesOf(channelsLast(program)).programs.length);
  });
});

describe('convolutions in an onnx graph', () => {
  /** Three images through a normalised convolution, `depth` more of them, and a transposed one. */
  const network = (depth: number) => {
    let x = argument('x', [3, 2, 8, 8]);
    for (let i = 0; i <= depth; i++) {
      const y = x.convolve(parameter(`w${i}`, [8, x.shape[1], 3, 3]), { padding: [1, 1] });
      x = y
        .sub(y.mean(1, true))
        .mul(parameter(`gain${i}`, [8, 1, 1]))
        .relu();
    }
    const image = x.convolveTransposed(parameter('up', [8, 2, 4, 4]), [16, 16], { stride: [2, 2], padding: [1, 1] });
    return createProgram('network', { image: image.sigmoid() });
  };
  const count = (depth: number, operator: string) =>
    lowerProgram(channelsLast(network(depth))).nodes.filter((node) => node.operator === operator).length;

  it('move images only where they come in and where they go out', () => {
    // One for the images, one for the result, one for the transposed convolution's filter.
    expect(count(0, 'Transpose')).toBe(3);
    expect(count(7, 'Transpose')).toBe(3);
  });

  it('are gathers and matrix products', () => {
    expect(count(3, 'Conv') + count(3, 'ConvTranspose')).toBe(0);
    expect(count(3, 'Gather')).toBe(4 + 2);
  });

  it('gather once for the value and for its derivative', () => {
    const weights = parameter('w', [4, 3, 3, 3]);
    const loss = argument('x', [2, 3, 8, 8])
      .convolve(weights, { padding: [1, 1] })
      .square()
      .sum();
    const program = createProgram('shared', { loss, derivative: gradients(loss, [weights])[0] });
    expect(lowerProgram(channelsLast(program)).nodes.filter(({ operator }) => operator === 'Gather')).toHaveLength(1);
  });

  it('give the same bits every time', async () => {
    const engine = await createOnnxEngine({ threads: 2 });
    const [program] = convolutionalPrograms(16, 3);
    const results = async () => {
      const state = engine.allocate(
        inputsOf(program, 'parameter').map(({ node, source }) => ({ name: source.name, shape: node.shape })),
        [],
      );
      for (const { name } of state.parameters)
        state.write(
          name,
          state.read(name).map((_, i) => Math.sin(i)),
        );
      const executable = await engine.compile(program, { state, data: {} });
      const x = Float32Array.from({ length: 16 * 3 * 64 }, (_, i) => Math.cos(i));
      return Object.values(await executable.run({ arguments: { x } })).map((values) => values.slice());
    };
    expect(await results()).toEqual(await results());
  });
});

describe('the update as a SIMD loop', () => {
  const applyOnce = async (memory: FlatMemory, threads = 1) => {
    const { apply, release } = await shareUpdate(compileUpdate(adamLike, memory), memory, threads);
    apply({ learningRate: 0.1 });
    release();
  };

  it('flushes moments too small to be normal numbers to zero', async () => {
    const memory = new FlatMemory([{ name: 'w', shape: [3] }], adamLike.moments);
    memory.view('w', 'firstMoment').set([1e-38, 1e-30, -1e-38]);
    await applyOnce(memory);
    const [tiny, normal, negative] = memory.view('w', 'firstMoment');
    expect([tiny, negative]).toEqual([0, 0]);
    expect(normal).toBeCloseTo(9e-31, 35);
  });

  it('touches neither its gradients nor what lies between parameters', async () => {
    const memory = new FlatMemory(
      [
        { name: 'a', shape: [17] },
        { name: 'b', shape: [5] },
      ],
      adamLike.moments,
    );
    memory.view('a', 'gradient').fill(1);
    memory.view('b', 'gradient').fill(-1);
    await applyOnce(memory);
    expect(new Set(memory.view('a', 'gradient'))).toEqual(new Set([1]));
    expect(new Set(memory.view('a')).size).toBe(1);
    const all = new Float32Array(memory.memory.buffer, 0, memory.sectionBytes / 4);
    expect([...all.slice(17, 32), ...all.slice(37)].every((value) => value === 0)).toBe(true);
  });

  it('gives the same bits on any number of threads', async () => {
    const updated = async (threads: number) => {
      const memory = new FlatMemory([{ name: 'w', shape: [2 ** 18 + 5] }], adamLike.moments, threads > 1);
      for (const section of memory.sections) {
        memory.view('w', section).forEach((_, i, values) => {
          values[i] = Math.sin(i + section.length);
        });
      }
      await applyOnce(memory, threads);
      return createHash('sha256').update(Buffer.from(memory.memory.buffer)).digest('hex');
    };
    const alone = await updated(1);
    for (const threads of [2, 3, 4]) expect(await updated(threads)).toEqual(alone);
  });

  it('refuses what is not arithmetic', () => {
    const update = elementwiseUpdate([], [], ({ parameter: p, gradient }) => ({ parameter: p.sub(gradient.exp()) }));
    const memory = new FlatMemory([{ name: 'w', shape: [1] }], []);
    expect(() => compileUpdate(update, memory)).toThrow('an update cannot use exp; it is made of neg, abs');
  });
});
