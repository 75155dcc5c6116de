/** The reference engine: 64-bit floats, plain loops, no dependency. Slow, exact, and at home wherever Node runs. */

import type { Source } from '../../tensor/primitives.ts';
import { applyUpdate, type Program, rootsOf, sourceName } from '../../tensor/program.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { argument, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import {
  type Bindings,
  type Call,
  drawNoise,
  type Engine,
  type Executable,
  expectLength,
  type ParameterSpec,
  type Results,
  required,
  type State,
} from '../engine.ts';
import { evaluate, type Values } from './kernels.ts';

/** State in 32 bits, although the engine computes in 64: so a checkpoint holds all of it, and a run can be resumed. */
export class ReferenceState implements State {
  readonly parameters: readonly ParameterSpec[];
  readonly moments: readonly string[];
  private readonly arrays = new Map<string, Float32Array>();

  constructor(parameters: readonly ParameterSpec[], moments: readonly string[]) {
    this.parameters = parameters;
    this.moments = moments;
    for (const { name, shape } of parameters) {
      for (const slot of ['parameter', ...moments]) this.arrays.set(`${slot} ${name}`, new Float32Array(sizeOf(shape)));
    }
  }

  /** The live array: a parameter, or one of its moments. */
  at = (parameter: string, slot = 'parameter'): Float32Array =>
    required(Object.fromEntries(this.arrays), `${slot} ${parameter}`, 'state');

  read = (parameter: string, moment?: string): Float32Array => this.at(parameter, moment).slice();

  write(parameter: string, values: ArrayLike<number>, moment?: string): void {
    const array = this.at(parameter, moment);
    expectLength(values, array.length, `state "${parameter}"`);
    array.set(values);
  }
}

export function createReferenceEngine(): Engine {
  return {
    name: 'reference',
    description: 'plain TypeScript, 1 thread, float64',
    allocate: (parameters, moments) => new ReferenceState(parameters, moments),
    compile: async (program, bindings) => createExecutable(program, bindings),
  };
}

function createExecutable(program: Program, { state, data }: Bindings): Executable {
  if (!(state instanceof ReferenceState)) throw new TypeError('the reference engine runs on its own state');
  const order = topologicalOrder(rootsOf(program));
  const applyUpdate = compileUpdate(program, state);

  const inputValue = (source: Source, node: Tensor, call: Call): Values => {
    switch (source.kind) {
      case 'argument':
        return required(call.arguments, source.name, 'argument');
      case 'data':
        return required(data, source.name, 'data');
      case 'parameter':
        return state.at(source.name);
      case 'noise':
        return Float64Array.from(drawNoise(node.size, source, call, program.name));
    }
  };

  return {
    run: async (call): Promise<Results> => {
      const values = evaluate(order, (source, node) => {
        const value = inputValue(source, node, call);
        expectLength(value, node.size, `${source.kind} "${sourceName(source)}" of program ${program.name}`);
        return value;
      });
      // Copied before the update, which changes parameters in place.
      const outputs = Object.entries(program.outputs).map(([name, node]) => [
        name,
        Float32Array.from(values.get(node)!),
      ]);
      applyUpdate(values, call);
      return Object.fromEntries(outputs);
    },
    release: async () => {},
  };
}

/** The program's update over whole parameters. */
function compileUpdate({ update, gradients }: Program, state: ReferenceState) {
  if (update === undefined) return () => {};
  const slots = ['parameter', ...update.moments];
  const rules = Object.entries(gradients).map(([name, gradient]) => {
    const wholes = ['gradient', ...slots].map((slot) => [slot, argument(slot, gradient.shape)]);
    const scalars = update.coefficients.map((coefficient) => [coefficient, argument(coefficient, [])]);
    const results = applyUpdate(update, Object.fromEntries([...wholes, ...scalars]));
    return { name, gradient, results, order: topologicalOrder(Object.values(results)) };
  });
  return (values: ReadonlyMap<Tensor, Values>, call: Call): void => {
    const all = rules.map(({ name, gradient, results, order }) => {
      const updated = evaluate(order, (source) => {
        const slot = sourceName(source);
        if (slot === 'gradient') return values.get(gradient)!;
        if (slots.includes(slot)) return state.at(name, slot);
        return Float64Array.of(required(call.coefficients, slot, 'coefficient'));
      });
      return slots.map((slot) => ({ target: state.at(name, slot), value: updated.get(results[slot])! }));
    });
    // All are computed before any is stored: a gradient may be another parameter.
    for (const { target, value } of all.flat()) target.set(value);
  };
}
