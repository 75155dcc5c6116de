/**
 * What an engine is given is checked here, once for all engines and before any of them sees it. An engine is written as
 * an implementation that assumes all is right, and becomes an engine by `checkedEngine`.
 */

import { setImmediate } from 'node:timers/promises';
import { inputsOf, type Program } from '../tensor/program.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../tensor/shape.ts';
import { verify } from '../tensor/verify.ts';
import {
  ARRAYS,
  type Bindings,
  type Call,
  type Engine,
  EngineError,
  type Executable,
  type ParameterSpec,
  type State,
} from './engine.ts';
import { expectRoomFor, expectRoomForState } from './memory-limit.ts';

/** Where an engine keeps its parameters and their moments, zeros at first. */
export type Store = Pick<State, 'read' | 'write'>;

/** A call with all that its program needs; what the program does not need may be empty. */
export type CompleteCall = Required<Call>;

/** An engine without checks. */
export interface Implementation<S extends Store> extends Omit<Engine, 'allocate' | 'compile'> {
  /** Whether it computes in memory of its own, such as a GPU's, and not in the machine's. */
  readonly hasOwnMemory?: boolean;
  allocate(parameters: readonly ParameterSpec[], moments: readonly string[]): S;
  /**
   * The store has every parameter of the program in its shape, a gradient for each of its parameters if the program
   * trains, and the update's moments. Data have their type and size, and outputs are floats.
   */
  compile(
    program: Program,
    bindings: { readonly state: S; readonly data: Bindings['data'] },
  ): Promise<{ run(call: CompleteCall): ReturnType<Executable['run']>; release(): Promise<void> }>;
}

export function checkedEngine<S extends Store>(implementation: Implementation<S>): Engine {
  const stores = new WeakMap<State, S>();
  return {
    ...implementation,
    allocate: (parameters, moments) => {
      expectDistinct(['parameter', ...moments, 'gradient'], 'moment');
      const names = parameters.map(({ name }) => name);
      expectDistinct(names, 'parameter');
      if (!implementation.hasOwnMemory) expectRoomForState(parameters, moments);
      const store = implementation.allocate(parameters, moments);
      const state = checkedState(store, parameters, moments);
      stores.set(state, store);
      return state;
    },
    compile: async (program, { state, data }) => {
      verify(program);
      const store = stores.get(state);
      if (store === undefined) {
        throw new EngineError(
          `program ${program.name} cannot use a state that ${implementation.name} did not allocate`,
        );
      }
      checkBindings(program, state, data);
      if (!implementation.hasOwnMemory) expectRoomFor(program);
      const complete = callCheck(program);
      // Building and compiling block the process for seconds where a program is large: a signal is heard in between.
      await setImmediate();
      const executable = await implementation.compile(program, { state: store, data });
      let isReleased = false;
      return {
        ...executable,
        run: async (call) => {
          if (isReleased) throw new EngineError(`program ${program.name} was released and cannot run`);
          return executable.run(complete(call));
        },
        release: async () => {
          if (isReleased) return;
          isReleased = true;
          await executable.release();
        },
      };
    },
  };
}

function checkedState(store: Store, parameters: readonly ParameterSpec[], moments: readonly string[]): State {
  const sizes = new Map(parameters.map(({ name, shape }) => [name, sizeOf(shape)]));
  const sizeAt = (parameter: string, moment: string | undefined): number => {
    const size = sizes.get(parameter);
    if (size === undefined) throw new EngineError(`the state has no parameter "${parameter}"`);
    if (moment !== undefined) expectMoment(moment, moments);
    return size;
  };
  return {
    parameters,
    moments,
    read: (parameter, moment) => {
      sizeAt(parameter, moment);
      return store.read(parameter, moment);
    },
    write: (parameter, values, moment) => {
      const what = `${moment === undefined ? 'parameter' : `moment "${moment}" of`} "${parameter}"`;
      expectLength(values, sizeAt(parameter, moment), what);
      store.write(parameter, values, moment);
    },
  };
}

function checkBindings(program: Program, { parameters, moments }: State, data: Bindings['data']): void {
  const { name, outputs, gradients, update } = program;
  const shapes = new Map(parameters.map((parameter) => [parameter.name, parameter.shape]));
  for (const { node, source } of inputsOf(program, 'parameter')) {
    expectParameter(shapes, source.name, node.shape, `parameter "${source.name}" of program ${name}`);
  }
  for (const [parameter, { shape }] of Object.entries(gradients)) {
    expectParameter(shapes, parameter, shape, `gradient of "${parameter}" in program ${name}`);
  }
  for (const { node, source } of inputsOf(program, 'data')) {
    const values = required(data, source.name, 'data');
    const what = `data "${source.name}" of program ${name}`;
    expectLength(values, node.size, what);
    const { name: expected } = ARRAYS[node.dtype];
    // An engine reads their memory as what the program says it is.
    if (!(values instanceof ARRAYS[node.dtype])) {
      throw new EngineError(`${what}: expected ${expected}, got ${values.constructor.name}`);
    }
  }
  for (const [output, { dtype }] of Object.entries(outputs)) {
    if (dtype !== 'float') throw new EngineError(`output "${output}" is ${dtype}; cast it to float`);
  }
  if (update === undefined) return;
  // An update runs over a whole state.
  const missing = parameters.find((parameter) => gradients[parameter.name] === undefined);
  if (missing !== undefined) throw new EngineError(`program ${name} has no gradient for "${missing.name}"`);
  for (const moment of update.moments) expectMoment(moment, moments);
}

/** What is the same in every call is computed once. */
function callCheck(program: Program): (call: Call) => CompleteCall {
  const sizes = inputsOf(program, 'argument').map(({ node, source }) => ({ name: source.name, size: node.size }));
  const needsNoise = inputsOf(program, 'noise').length > 0;
  const coefficientNames = program.update?.coefficients ?? [];
  return ({ arguments: given = {}, noise, coefficients = {} }) => {
    for (const { name, size } of sizes) {
      const values = required(given, name, 'argument');
      if (values.length !== size) expectLength(values, size, `argument "${name}" of program ${program.name}`);
    }
    if (needsNoise && noise === undefined) throw new EngineError(`program ${program.name} needs noise`);
    for (const name of coefficientNames) required(coefficients, name, 'coefficient');
    return { arguments: given, noise: noise ?? { seed: 0, step: 0 }, coefficients };
  };
}

function required<T>(values: Readonly<Record<string, T>>, name: string, what: string): T {
  const value = values[name];
  if (value === undefined) throw new EngineError(`${what} "${name}" is missing`);
  return value;
}

function expectLength(values: ArrayLike<unknown>, size: number, what: string): void {
  if (values.length !== size) throw new EngineError(`${what}: expected ${size} values, got ${values.length}`);
}

function expectDistinct(names: readonly string[], what: string): void {
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) throw new EngineError(`a state cannot have two of ${what} "${twice}"`);
}

function expectMoment(moment: string, moments: readonly string[]): void {
  if (!moments.includes(moment)) throw new EngineError(`the state has no moment "${moment}"`);
}

function expectParameter(shapes: ReadonlyMap<string, Shape>, name: string, expected: Shape, what: string): void {
  const shape = shapes.get(name);
  if (shape === undefined) throw new EngineError(`${what}: the state has no parameter "${name}"`);
  if (sameShape(shape, expected)) return;
  throw new EngineError(`${what}: expected ${formatShape(expected)}, the state has ${formatShape(shape)}`);
}
