import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import { FlatMemory } from '../../src/engines/onnx/memory.ts';
import { compileUpdate } from '../../src/engines/onnx/update.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram, elementwiseUpdate } from '../../src/tensor/program.ts';
import { parameter } from '../../src/tensor/tensor.ts';
import { conformance } from './conformance.ts';
import { adamLike } from './networks.ts';

describe('onnx', () => {
  conformance(() => createOnnxEngine({ threads: 2 }));
});

describe('the update as a SIMD loop', () => {
  it('flushes moments too small to be normal numbers to zero', () => {
    const memory = new FlatMemory([{ name: 'w', shape: [3] }], adamLike.moments);
    memory.view('w', 'firstMoment').set([1e-38, 1e-30, -1e-38]);
    compileUpdate(adamLike, memory)({ learningRate: 0.1 });
    const [tiny, normal, negative] = memory.view('w', 'firstMoment');
    expect([tiny, negative]).toEqual([0, 0]);
    expect(normal).toBeCloseTo(9e-31, 35);
  });

  it('touches neither its gradients nor what lies between parameters', () => {
    const memory = new FlatMemory(
      [
        { name: 'a', shape: [17] },
        { name: 'b', shape: [5] },
      ],
      adamLike.moments,
    );
    memory.view('a', 'gradient').fill(1);
    memory.view('b', 'gradient').fill(-1);
    compileUpdate(adamLike, memory)({ learningRate: 0.1 });
    expect(new Set(memory.view('a', 'gradient'))).toEqual(new Set([1]));
    expect(new Set(memory.view('a')).size).toBe(1);
    const all = new Float32Array(memory.memory.buffer, 0, memory.sectionBytes / 4);
    expect([...all.slice(17, 32), ...all.slice(37)].every((value) => value === 0)).toBe(true);
  });

  it('refuses what is not arithmetic', () => {
    const update = elementwiseUpdate([], [], ({ parameter: p, gradient }) => ({ parameter: p.sub(gradient.exp()) }));
    const memory = new FlatMemory([{ name: 'w', shape: [1] }], []);
    expect(() => compileUpdate(update, memory)).toThrow('an update cannot use exp; it is made of neg, abs');
  });
});

describe('an onnx executable that trains', () => {
  it('needs a gradient for every parameter of its state, because it updates all of it', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    const state = engine.allocate(
      [
        { name: 'a', shape: [2] },
        { name: 'b', shape: [2] },
      ],
      adamLike.moments,
    );
    const a = parameter('a', [2]);
    const loss = a.square().sum();
    const program = createProgram('half', { loss }, { gradients: { a: gradients(loss, [a])[0] }, update: adamLike });
    await expect(engine.compile(program, { state, data: {} })).rejects.toThrow('program half has no gradient for "b"');
  });
});
