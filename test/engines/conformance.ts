/** What every engine must do, measured against the reference. Each engine's test file runs it. */

import { describe, expect, it } from 'vitest';
import type { Bindings, Call, Engine, ParameterSpec, State } from '../../src/engines/engine.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { randomBits } from '../../src/random/random.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram, elementwiseUpdate, inputsOf, type Program } from '../../src/tensor/program.ts';
import { argument, constant, data, noise, parameter, type Tensor } from '../../src/tensor/tensor.ts';
import { type Case, caseArguments, casesFor, type Sizes } from './cases.ts';
import { adamLike, convolutionalPrograms, modelPrograms } from './networks.ts';
import { caseValues } from './values.ts';

/** Sizes with ones, primes, and enough values to fill several vectors, and sizes drawn at random. */
export const SIZES: readonly Sizes[] = [[1, 1, 1], [1, 5, 2], [7, 1, 3], [16, 33, 7], ...[0, 1].map(randomSizes)];

/** Three sizes from 1 to 24. */
function randomSizes(step: number): Sizes {
  const [a, b, c] = randomBits({ seed: 2026, stream: 'sizes', step }, 3);
  return [1 + (a % 24), 1 + (b % 24), 1 + (c % 24)];
}

const bytes = (size: number): Uint8Array =>
  new Uint8Array(randomBits({ seed: 5, stream: 'bytes', step: 0 }, size).buffer, 0, size);

/** Runs a program on an engine with made-up parameters, no larger than `largest`, and data. */
async function runOn(engine: Engine, program: Program, given: Record<string, unknown>, largest = 1) {
  const parameters = inputsOf(program, 'parameter').map(({ node, source }) => ({
    name: source.name,
    shape: node.shape,
  }));
  const state = engine.allocate(parameters, []);
  for (const { name, shape } of parameters) {
    const size = shape.reduce((product, n) => product * n, 1);
    state.write(
      name,
      Float32Array.from({ length: size }, (_, i) => largest * Math.sin(i + 1)),
    );
  }
  const sets = inputsOf(program, 'data').map(({ node, source }) => [source.name, bytes(node.size)] as const);
  const executable = await engine.compile(program, { state, data: Object.fromEntries(sets) });
  const results = await executable.run({ arguments: given as never, noise: { seed: 11, step: 4 } });
  const copies = Object.entries(results).map(([name, values]) => [name, values.slice()] as const);
  await executable.release();
  return Object.fromEntries(copies);
}

function expectClose(actual: Float32Array, expected: Float32Array, scale = 1): void {
  expect(actual.length).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  // One expectation for all values: one for each takes longer than the computation.
  const wrong = actual.findIndex((value, i) => !(Math.abs(value - expected[i]) <= 2e-6 * scale * largest));
  expect({ wrong, actual: actual[wrong], expected: expected[wrong] }).toEqual({ wrong: -1 });
}

const oracles = new Map<string, ReturnType<typeof runOn>>();

/** What the reference gives, which is slow: computed once for all the engines of a test file. */
function oracle(key: string, program: Program, given: Record<string, unknown>, largest = 1): ReturnType<typeof runOn> {
  const known = oracles.get(key) ?? runOn(createReferenceEngine(), program, given, largest);
  oracles.set(key, known);
  return known;
}

/** The case's value, and the derivative of its weighted sum by every float input. */
export function caseProgram(one: Case): Program {
  const inputs = caseArguments(one);
  const value = one.build(...inputs);
  const weights = Float32Array.from({ length: value.size }, (_, i) => Math.cos(i));
  const floats = inputs.filter(({ dtype }) => dtype === 'float');
  const derived = gradients(value.mul(constant(weights, value.shape)).sum(), floats);
  return createProgram(one.name, { value, ...Object.fromEntries(derived.map((node, i) => [`derivative ${i}`, node])) });
}

/**
 * @param numbers whether to compare them with the reference, which is idle for the reference itself.
 * @param sizes of the primitives' cases; fewer for an engine that is slow.
 */
export function conformance(
  createEngine: () => Engine | Promise<Engine>,
  { numbers = true, sizes = SIZES }: { readonly numbers?: boolean; readonly sizes?: readonly Sizes[] } = {},
): void {
  const reference = createReferenceEngine();

  if (numbers) {
    comparePrimitives(createEngine, sizes);
    compareNetworks(createEngine);
    compareModels(createEngine);
  }

  describe('stays finite and exact at the ends', () => {
    const extremes = Float32Array.of(-200, -60, -20, -16, -14, -1e-4, 0, 1e-4, 14, 20, 88, 200);
    const at = async (build: (x: Tensor) => Tensor) => {
      const program = createProgram('extremes', { value: build(argument('x', [extremes.length])) });
      const given = { x: extremes };
      return [await runOn(await createEngine(), program, given), await runOn(reference, program, given)];
    };
    const functions = { softplus: 's', sigmoid: 's', tanh: 's', elu: 's', relu: 's', step: 's' } as const;
    for (const name of Object.keys(functions) as (keyof typeof functions)[]) {
      it(name, async () => {
        const [actual, expected] = await at((x) => x[name]());
        actual.value.forEach((value, i) => {
          // Relative for what is positive however small; sigmoids and exponentials of −200 are zero in 32 bits.
          const tolerance = name === 'softplus' ? 1e-30 : 2e-7;
          expect(Math.abs(value - expected.value[i])).toBeLessThanOrEqual(
            tolerance + 1e-6 * Math.abs(expected.value[i]),
          );
        });
      });
    }

    it('logSumExp of huge and of infinitely negative values', async () => {
      const program = createProgram('extremes', { value: argument('x', [3, 2]).logSumExp(1) });
      const x = Float32Array.of(1000, 1000, -1000, -1001, Number.NEGATIVE_INFINITY, 3);
      const { value } = await runOn(await createEngine(), program, { x });
      expect(value[0]).toBeCloseTo(1000 + Math.log(2), 3);
      expect(value[1]).toBeCloseTo(-1000 + Math.log(1 + Math.exp(-1)), 3);
      expect(value[2]).toBeCloseTo(3, 6);
    });
  });

  describe('trains', () => {
    const setUp = async (engine: Engine) => {
      const program = trainingProgram();
      const state = engine.allocate(PARAMETERS, ['firstMoment', 'secondMoment']);
      for (const { name, shape } of PARAMETERS) {
        const size = shape.reduce((product, n) => product * n, 1);
        state.write(
          name,
          Float32Array.from({ length: size }, (_, i) => 0.3 * Math.sin(i + name.length)),
        );
      }
      const executable = await engine.compile(program, { state, data: { images: bytes(10 * 12) } });
      return { state, executable };
    };
    const steps = async ({ executable }: Awaited<ReturnType<typeof setUp>>, from: number, to: number) => {
      const losses: number[] = [];
      for (let step = from; step <= to; step++) {
        const results = await executable.run({
          arguments: { indices: Int32Array.from({ length: 4 }, (_, i) => (3 * step + i) % 10) },
          noise: { seed: 2, step },
          coefficients: { learningRate: 0.01 },
        });
        losses.push(results.loss[0]);
      }
      return losses;
    };
    const contents = (state: State): Float32Array[] =>
      [undefined, ...state.moments].flatMap((moment) => state.parameters.map(({ name }) => state.read(name, moment)));

    it('to the same losses, parameters and moments as the reference after 50 steps', async () => {
      const [tested, oracle] = [await setUp(await createEngine()), await setUp(reference)];
      const [losses, expected] = [await steps(tested, 1, 50), await steps(oracle, 1, 50)];
      expect(expected[49]).toBeLessThan(expected[0]);
      expectClose(Float32Array.from(losses), Float32Array.from(expected), 20);
      const [actual, wanted] = [contents(tested.state), contents(oracle.state)];
      for (const [i, values] of wanted.entries()) expectClose(actual[i], values, 50);
      await tested.executable.release();
    });

    it('bit for bit the same from the same state', async () => {
      const engine = await createEngine();
      const [first, second] = [await setUp(engine), await setUp(engine)];
      await steps(first, 1, 10);
      // The second stops after five steps, and its state moves to a third.
      await steps(second, 1, 5);
      const third = await setUp(engine);
      for (const moment of [undefined, ...second.state.moments]) {
        for (const { name } of PARAMETERS) third.state.write(name, second.state.read(name, moment), moment);
      }
      await steps(third, 6, 10);
      expect(contents(third.state)).toEqual(contents(first.state));
    });

    it('when a gradient and an output are parameters themselves', async () => {
      const engine = await createEngine();
      const state = engine.allocate(
        [
          { name: 'a', shape: [2] },
          { name: 'b', shape: [2] },
        ],
        ['firstMoment', 'secondMoment'],
      );
      state.write('a', [1, 2]);
      state.write('b', [10, 20]);
      const [a, b] = [parameter('a', [2]), parameter('b', [2])];
      const descent = elementwiseUpdate([], ['rate'], (at) => ({
        parameter: at.parameter.sub(at.gradient.mul(at.rate)),
      }));
      const [byA, byB] = gradients(a.mul(b).sum(), [a, b]);
      const program = createProgram('product', { a, again: a }, { gradients: { a: byA, b: byB }, update: descent });
      const executable = await engine.compile(program, { state, data: {} });
      const results = await executable.run({ coefficients: { rate: 0.1 } });
      expect([[...results.a], [...results.again]]).toEqual([
        [1, 2],
        [1, 2],
      ]);
      expectClose(state.read('a'), Float32Array.of(0, 0));
      expectClose(state.read('b'), Float32Array.of(9.9, 19.8));
    });

    it('and other programs see the new parameters', async () => {
      const engine = await createEngine();
      const tested = await setUp(engine);
      const program = createProgram('read', { value: parameter('bias', [5]).mul(2) });
      const reader = await engine.compile(program, { state: tested.state, data: {} });
      await steps(tested, 1, 3);
      const { value } = await reader.run({});
      expect(value).toEqual(tested.state.read('bias').map((x) => 2 * x));
    });
  });

  describe('refuses', () => {
    const d = Float32Array.of(1, 2);
    const needs = argument('x', [2])
      .add(noise('n', { kind: 'uniform' }, [2]))
      .add(data('d', [2], 'float'));
    const refused = (run: () => Promise<unknown>) => expect(run()).rejects;
    const compiled = async (
      given: Partial<Program>,
      {
        parameters = PARAMETERS_OF_W,
        sets = { d },
      }: { parameters?: readonly ParameterSpec[]; sets?: Bindings['data'] } = {},
    ) => {
      const engine = await createEngine();
      const program = { name: 'needy', outputs: {}, gradients: {}, ...given };
      return engine.compile(program, { state: engine.allocate(parameters, ['m']), data: sets });
    };

    describe('a call', () => {
      const noiseKey = { seed: 0, step: 0 };
      const call = async (given: Call) => {
        const executable = await compiled({ outputs: { value: needs } });
        try {
          return await executable.run(given);
        } finally {
          await executable.release();
        }
      };
      it('without an argument', () => refused(() => call({ noise: noiseKey })).toThrow('argument "x" is missing'));
      it('with an argument of another size', () =>
        refused(() => call({ arguments: { x: d.subarray(1) }, noise: noiseKey })).toThrow(
          'argument "x" of program needy: expected 2 values, got 1',
        ));
      it('without noise', () => refused(() => call({ arguments: { x: d } })).toThrow('program needy needs noise'));
      it('without a coefficient, and leaves the state as it is', async () => {
        const engine = await createEngine();
        const state = engine.allocate(PARAMETERS_OF_W, []);
        const executable = await engine.compile(descending(), { state, data: {} });
        await refused(() => executable.run({})).toThrow('coefficient "rate" is missing');
        expect([...state.read('w')]).toEqual([0, 0]);
        await executable.release();
      });
      it('after release, and is released once', async () => {
        const executable = await compiled({ outputs: { value: argument('x', [2]).exp() } });
        await executable.release();
        await executable.release();
        await refused(() => executable.run({ arguments: { x: d } })).toThrow('needy was released and cannot run');
      });
    });

    describe('a program', () => {
      it('that is damaged', () =>
        refused(() => compiled({ outputs: { a: argument('x', [2]).exp(), b: argument('x', [3]).exp() } })).toThrow(
          'argument "x" is used as float[2] and float[3]',
        ));
      it('without its data', () =>
        refused(() => compiled({ outputs: { value: needs } }, { sets: {} })).toThrow('data "d" is missing'));
      it('with data of another size', () =>
        refused(() => compiled({ outputs: { value: needs } }, { sets: { d: d.subarray(1) } })).toThrow(
          'data "d" of program needy: expected 2 values, got 1',
        ));
      it('with data of another type', () =>
        refused(() => compiled({ outputs: { value: data('d', [2], 'uint8').cast('float') } })).toThrow(
          'data "d" of program needy: expected Uint8Array, got Float32Array',
        ));
      it('with a parameter that its state does not have', () =>
        refused(() => compiled({ outputs: { value: parameter('other', [2]).exp() } })).toThrow(
          'parameter "other" of program needy: the state has no parameter "other"',
        ));
      it('with a parameter of another shape', () =>
        refused(() => compiled({ outputs: { value: parameter('w', [1, 2]).exp() } })).toThrow(
          'parameter "w" of program needy: expected [1, 2], the state has [2]',
        ));
      it('with an output that is not of floats', () =>
        refused(() => compiled({ outputs: { value: argument('x', [2]).less(0) } })).toThrow(
          'output "value" is bool; cast it to float',
        ));
      it('with a gradient for no parameter of the state', () =>
        refused(() => compiled({ gradients: { v: parameter('w', [2]).exp() } })).toThrow(
          'gradient of "v" in program needy: the state has no parameter "v"',
        ));
      it('with a gradient of another shape', () =>
        refused(() => compiled({ gradients: { w: argument('x', [3]).exp() } })).toThrow(
          'gradient of "w" in program needy: expected [3], the state has [2]',
        ));
      it('that updates a part of the state', () =>
        refused(() => compiled(descending(), { parameters: [...PARAMETERS_OF_W, { name: 'v', shape: [1] }] })).toThrow(
          'program descent has no gradient for "v"',
        ));
      it('whose update needs another moment', () =>
        refused(() => compiled({ gradients: { w: parameter('w', [2]).exp() }, update: adamLike })).toThrow(
          'the state has no moment "firstMoment"',
        ));
      it('with the state of another engine', async () => {
        const [engine, other] = [await createEngine(), createReferenceEngine()];
        const run = () => engine.compile(descending(), { state: other.allocate(PARAMETERS_OF_W, []), data: {} });
        await refused(run).toThrow(`program descent cannot use a state that ${engine.name} did not allocate`);
      });
    });

    describe('of a state', () => {
      const allocated = async () => (await createEngine()).allocate(PARAMETERS_OF_W, ['m']);
      it('values of another size', async () => {
        const state = await allocated();
        expect(() => state.write('w', [1])).toThrow('parameter "w": expected 2 values, got 1');
        expect(() => state.write('w', [1, 2, 3], 'm')).toThrow('moment "m" of "w": expected 2 values, got 3');
        expect([...state.read('w'), ...state.read('w', 'm')]).toEqual([0, 0, 0, 0]);
      });
      it('a parameter or a moment that it does not have', async () => {
        const state = await allocated();
        expect(() => state.read('v')).toThrow('the state has no parameter "v"');
        expect(() => state.write('v', [1, 2])).toThrow('the state has no parameter "v"');
        expect(() => state.read('w', 'n')).toThrow('the state has no moment "n"');
        expect(() => state.read('w', 'gradient')).toThrow('the state has no moment "gradient"');
      });
      it('two of one name', async () => {
        const engine = await createEngine();
        expect(() => engine.allocate([...PARAMETERS_OF_W, ...PARAMETERS_OF_W], [])).toThrow(
          'a state cannot have two of parameter "w"',
        );
        expect(() => engine.allocate(PARAMETERS_OF_W, ['gradient'])).toThrow('two of moment "gradient"');
      });
    });
  });
}

const PARAMETERS_OF_W: readonly ParameterSpec[] = [{ name: 'w', shape: [2] }];

/** Descends along eʷ. */
function descending(): Program {
  const w = parameter('w', [2]);
  const update = elementwiseUpdate([], ['rate'], (at) => ({
    parameter: at.parameter.sub(at.gradient.mul(at.rate)),
  }));
  return createProgram('descent', { loss: w.exp().sum() }, { gradients: { w: w.exp() }, update });
}

function comparePrimitives(createEngine: () => Engine | Promise<Engine>, allSizes: readonly Sizes[]): void {
  describe('computes every primitive and its derivative as the reference does', () => {
    const names = Object.values(casesFor(allSizes[0])).flat();
    names.forEach((first, i) => {
      it(first.name, async () => {
        const engine = await createEngine();
        for (const [seed, sizes] of allSizes.entries()) {
          const one = Object.values(casesFor(sizes)).flat()[i];
          const [program, given] = [caseProgram(one), caseValues(one, seed)];
          const actual = await runOn(engine, program, given);
          const expected = await oracle(`${seed} ${one.name}`, program, given);
          for (const [name, values] of Object.entries(expected)) expectClose(actual[name], values, 4);
        }
      });
    });
  });
}

function compareNetworks(createEngine: () => Engine | Promise<Engine>): void {
  describe('computes convolutional networks and their derivatives as the reference does', () => {
    for (const [batch, channels] of [
      [1, 1],
      [3, 2],
    ]) {
      for (const program of convolutionalPrograms(batch, channels)) {
        it(program.name, async () => {
          const x = Float32Array.from({ length: batch * channels * 64 }, (_, i) => Math.sin(2.3 * i));
          const engine = await createEngine();
          const actual = await runOn(engine, program, { x });
          const expected = await oracle(program.name, program, { x });
          for (const [name, values] of Object.entries(expected)) expectClose(actual[name], values, 4);
        });
      }
    }
  });
}

/** Parameters no larger than this, as trained ones are: log variances stay small. */
const LARGEST_WEIGHT = 0.3;

function compareModels(createEngine: () => Engine | Promise<Engine>): void {
  describe('computes models with maps of latents and their derivatives as the reference does', () => {
    for (const program of modelPrograms()) {
      it(program.name, async () => {
        const x = Float32Array.from({ length: 3 * 64 }, (_, i) => (i * 7919) % 2);
        const actual = await runOn(await createEngine(), program, { x }, LARGEST_WEIGHT);
        const expected = await oracle(program.name, program, { x }, LARGEST_WEIGHT);
        for (const [name, values] of Object.entries(expected)) expectClose(actual[name], values, 4);
      });
    }
  });
}

const PARAMETERS = [
  { name: 'weight', shape: [5, 12] },
  { name: 'bias', shape: [5] },
] as const;

/** A small network on gathered bytes, with noise, dropout and an update with two moments. */
export function trainingProgram(): Program {
  const x = data('images', [10, 12], 'uint8')
    .gather(argument('indices', [4], 'int32'))
    .cast('float')
    .mul(1 / 255);
  const [weight, bias] = PARAMETERS.map(({ name, shape }) => parameter(name, shape));
  const hidden = x
    .matmul(weight, { transposeB: true })
    .add(bias)
    .add(noise('jitter', { kind: 'standardNormal' }, [4, 5]).mul(0.1));
  const kept = hidden.elu().mul(noise('dropout', { kind: 'bernoulli', probability: 0.8 }, [4, 5]));
  const loss = kept.matmul(weight).sub(x).square().sum(-1).mean().add(kept.softplus().sum(-1).mean());
  const derived = gradients(loss, [weight, bias]);
  return createProgram('train', { loss }, { gradients: { weight: derived[0], bias: derived[1] }, update: adamLike });
}
