/** What is refused never reaches an engine, and what reaches it is whole. */

import { describe, expect, it } from 'vitest';
import { type CompleteCall, checkedEngine } from '../../src/engines/checked.ts';
import { createProgram } from '../../src/tensor/program.ts';
import { argument, noise } from '../../src/tensor/tensor.ts';

/** An engine that writes down what it is asked for. */
function recorded() {
  const log: unknown[] = [];
  const engine = checkedEngine({
    name: 'recorder',
    description: 'computes nothing',
    allocate: () => ({ read: () => Float32Array.of(7), write: (...given) => log.push(['write', ...given]) }),
    compile: async ({ name }) => {
      log.push(['compile', name]);
      return {
        run: async (call: CompleteCall) => {
          log.push(call);
          return {};
        },
        release: async () => void log.push('release'),
        special: 'kept',
      };
    },
  });
  return { engine, log };
}

const compiled = async () => {
  const { engine, log } = recorded();
  const drawn = noise('n', { kind: 'uniform' }, [2]);
  const program = createProgram('p', { y: argument('x', [2]).add(drawn) });
  const executable = await engine.compile(program, { state: engine.allocate([], []), data: {} });
  log.length = 0;
  return { executable, log };
};

describe('an engine behind its checks', () => {
  const x = Float32Array.of(1, 2);

  it('sees no call that is not whole', async () => {
    const { executable, log } = await compiled();
    await expect(executable.run({})).rejects.toThrow('argument "x" is missing');
    await expect(executable.run({ arguments: { x } })).rejects.toThrow('needs noise');
    expect(log).toEqual([]);
  });

  it('gets every part of a call, and at once', async () => {
    const { executable, log } = await compiled();
    const run = executable.run({ arguments: { x }, noise: { seed: 1, step: 2 } });
    expect(log).toEqual([{ arguments: { x }, noise: { seed: 1, step: 2 }, coefficients: {} }]);
    await run;
  });

  it('is released once', async () => {
    const { executable, log } = await compiled();
    await executable.release();
    await executable.release();
    await expect(executable.run({ arguments: { x }, noise: { seed: 1, step: 2 } })).rejects.toThrow('was released');
    expect(log).toEqual(['release']);
  });

  it('keeps what else its executables offer', async () => {
    expect((await compiled()).executable).toMatchObject({ special: 'kept' });
  });

  it('sees no program that is refused, and no values that do not fit', async () => {
    const { engine, log } = recorded();
    const state = engine.allocate([{ name: 'w', shape: [2] }], []);
    const program = createProgram('p', { y: argument('x', [2]).less(0) });
    await expect(engine.compile(program, { state, data: {} })).rejects.toThrow('output "y" is bool; cast it to float');
    expect(() => state.write('w', [1])).toThrow('parameter "w": expected 2 values, got 1');
    expect(log).toEqual([]);
    state.write('w', [1, 2]);
    expect(log).toEqual([['write', 'w', [1, 2], undefined]]);
    expect(state.read('w')).toEqual(Float32Array.of(7));
  });
});

describe('what the machine has no memory for is refused before any is taken', () => {
  const there = /, and this machine has [\d.]+; /;

  it('a program, with the estimate, what there is and what to lower', async () => {
    const { engine, log } = recorded();
    // 2⁴⁰ floats of noise, and as many of what is made of it.
    const values = noise('n', { kind: 'uniform' }, [2 ** 20, 2 ** 20]).exp();
    const program = createProgram('training, batch 128', { y: values.sum() });
    const compiling = engine.compile(program, { state: engine.allocate([], []), data: {} });
    await expect(compiling).rejects.toThrow('program "training, batch 128" needs about 8190 GiB of memory');
    await expect(compiling).rejects.toThrow(there);
    await expect(compiling).rejects.toThrow(
      /; use a smaller batch, fewer samples, smaller images or a smaller network$/,
    );
    expect(log).toEqual([]);
  });

  it('a state, with its moments and gradients', () => {
    const { engine } = recorded();
    const allocate = (moments: string[]) => () => engine.allocate([{ name: 'w', shape: [2 ** 40] }], moments);
    expect(allocate([])).toThrow("the model's parameters and optimiser state need about 4100 GiB of memory");
    expect(allocate(['m', 'v'])).toThrow(
      /need about 16400 GiB of memory, and .*; use a smaller network or smaller images$/,
    );
  });

  it('in memory of its own, an engine may hold more', async () => {
    const device = checkedEngine({
      name: 'device',
      description: 'computes nothing',
      hasOwnMemory: true,
      allocate: () => ({ read: () => Float32Array.of(7), write: () => {} }),
      compile: async () => ({ run: async () => ({}), release: async () => {} }),
    });
    const state = device.allocate([{ name: 'w', shape: [2 ** 40] }], []);
    const program = createProgram('large', { y: argument('x', [2 ** 40]).sum() });
    await expect(device.compile(program, { state, data: {} })).resolves.toBeDefined();
  });
});
