/** The reference engine: 64-bit floats, plain loops, no dependency. Slow and exact; it runs wherever Node does. */

import type { Source } from '../../tensor/primitives.ts';
import { type Program, rootsOf, sourceName, wholeUpdates } from '../../tensor/program.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import { type CompleteCall, checkedEngine, type Store } from '../checked.ts';
import { type Bindings, drawNoise, type Engine, type ParameterSpec, type Results } from '../engine.ts';
import { evaluate, type Values } from './kernels.ts';

/** State in 32 bits, although the engine computes in 64: so a checkpoint holds all of it, and a run can be resumed. */
class ReferenceState implements Store {
  private readonly arrays = new Map<string, Float32Array>();

  constructor(parameters: readonly ParameterSpec[], moments: readonly string[]) {
    for (const { name, shape } of parameters) {
      for (const slot of ['parameter', ...moments]) this.arrays.set(`${slot} ${name}`, new Float32Array(sizeOf(shape)));
    }
  }

  /** The live array: a parameter, or one of its moments. */
  at = (parameter: string, slot = 'parameter'): Float32Array => this.arrays.get(`${slot} ${parameter}`)!;

  read = (parameter: string, moment?: string): Float32Array => this.at(parameter, moment).slice();

  write = (parameter: string, values: ArrayLike<number>, moment?: string): void =>
    this.at(parameter, moment).set(values);
}

export const createReferenceEngine = (): Engine =>
  checkedEngine({
    name: 'reference',
    description: 'plain TypeScript, 1 thread, float64',
    allocate: (parameters, moments) => new ReferenceState(parameters, moments),
    compile: async (program, { state, data }) => createExecutable(program, state, data),
  });

function createExecutable(program: Program, state: ReferenceState, data: Bindings['data']) {
  const order = topologicalOrder(rootsOf(program));
  const applyUpdate = compileUpdate(program, state);

  const inputValue = (source: Source, node: Tensor, call: CompleteCall): Values => {
    switch (source.kind) {
      case 'argument':
        return call.arguments[source.name];
      case 'data':
        return data[source.name];
      case 'parameter':
        return state.at(source.name);
      case 'noise':
        return Float64Array.from(drawNoise(node.size, source, call.noise));
    }
  };

  return {
    run: async (call: CompleteCall): Promise<Results> => {
      const values = evaluate(order, (source, node) => inputValue(source, node, call));
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
function compileUpdate(program: Program, state: ReferenceState) {
  const rules = wholeUpdates(program).map((rule) => ({ ...rule, order: topologicalOrder(Object.values(rule.values)) }));
  return (values: ReadonlyMap<Tensor, Values>, { coefficients }: CompleteCall): void => {
    const all = rules.flatMap(({ name, gradient, values: slots, order }) => {
      const updated = evaluate(order, (source) => {
        const slot = sourceName(source);
        if (slot === 'gradient') return values.get(gradient)!;
        return slot in slots ? state.at(name, slot) : Float64Array.of(coefficients[slot]);
      });
      return Object.entries(slots).map(([slot, node]) => ({ target: state.at(name, slot), value: updated.get(node)! }));
    });
    // All are computed before any is stored: a gradient may be another parameter.
    for (const { target, value } of all) target.set(value);
  };
}
