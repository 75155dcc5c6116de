/** A program on a backend: its inputs as tensors, its expressions as a plan, its update as a plan for each parameter. */

import type { Tensor as Value } from '@tensorflow/tfjs-core';
import type { Source } from '../../tensor/primitives.ts';
import { applyUpdate, inputsOf, type Program, rootsOf, sourceName } from '../../tensor/program.ts';
import { argument, attributesOf, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import { type Bindings, type Call, drawNoise, EngineError, expectLength, type Results, required } from '../engine.ts';
import type { Tfjs } from './backends.ts';
import { toTensor } from './kernel.ts';
import { createPlan } from './plan.ts';
import { TfjsState } from './state.ts';

export interface Context {
  /** Makes the engine's backend the active one. */
  readonly activate: () => Tfjs;
  /** The engine's, for messages. */
  readonly name: string;
}

const sourceOf = (node: Tensor): Source => attributesOf(node, 'input').source;
const isInput = (node: Tensor, kind: Source['kind']): boolean =>
  node.primitive === 'input' && sourceOf(node).kind === kind;

export function createExecutable(program: Program, { state, data }: Bindings, { activate, name }: Context) {
  if (!(state instanceof TfjsState)) throw new TypeError('the tfjs engine runs on its own state');
  const tf = activate();
  for (const { node, source } of inputsOf(program, 'parameter')) {
    expectLength({ length: state.at(source.name).size }, node.size, `parameter "${source.name}" of ${program.name}`);
  }
  const rows = rowsOfData(program);
  const plan = createPlan(tf, rootsOf(program), rows);
  const resident = keepData(tf, program, rows, data);
  const update = compileUpdate(tf, program, state);

  const inputValue = (node: Tensor, call: Call): Value | undefined => {
    if (rows.has(node)) return gatherRows(tf, node, program, data, call);
    const source = sourceOf(node);
    switch (source.kind) {
      case 'argument':
        return toTensor(tf, given(source.name, node, program, call), node);
      case 'data':
        return resident.get(node);
      case 'parameter':
        return state.at(source.name);
      case 'noise':
        return toTensor(tf, drawNoise(node.size, source, call, program.name), node);
    }
  };

  const compute = (call: Call): Results => {
    const values = plan.evaluate((node) => inputValue(node, call));
    const outputs = Object.entries(program.outputs).map(([output, node]): [string, Float32Array] => {
      if (node.dtype !== 'float') throw new EngineError(`output "${output}" is ${node.dtype}; cast it to float`);
      return [output, values.get(node)!.dataSync<'float32'>() as Float32Array];
    });
    update.run(values, call);
    return Object.fromEntries(outputs);
  };

  return {
    run: (call: Call): Results => {
      activate();
      try {
        return tf.tidy(() => compute(call) as never) as Results;
      } catch (error) {
        throw error instanceof EngineError ? error : failure(program, name, error);
      }
    },
    release: (): void => {
      plan.release();
      update.release();
      for (const value of resident.values()) value.dispose();
    },
  };
}

function given(name: string, node: Tensor, program: Program, call: Call): ArrayLike<number> {
  const values = required(call.arguments, name, 'argument');
  expectLength(values, node.size, `argument "${name}" of program ${program.name}`);
  return values;
}

/** Rows that an argument picks from resident data, such as the images of a batch. */
function rowsOfData(program: Program): ReadonlySet<Tensor> {
  const isRows = (node: Tensor): boolean => {
    if (node.primitive !== 'gather' || attributesOf(node, 'gather').axis !== 0) return false;
    const [x, indices] = node.inputs;
    return isInput(x, 'data') && isInput(indices, 'argument');
  };
  return new Set(topologicalOrder(rootsOf(program)).filter(isRows));
}

/** They are picked on the host: a whole dataset would take four bytes for each of its own on the backend. */
function gatherRows(tf: Tfjs, node: Tensor, program: Program, data: Bindings['data'], call: Call): Value {
  const [x, indices] = node.inputs;
  const values = required(data, sourceName(sourceOf(x)), 'data');
  const positions = given(sourceName(sourceOf(indices)), indices, program, call);
  const width = node.size / indices.size;
  const picked = new (values.constructor as typeof Uint8Array)(node.size);
  for (let i = 0; i < positions.length; i++) {
    picked.set(values.subarray(positions[i] * width, (positions[i] + 1) * width), i * width);
  }
  return toTensor(tf, picked, node);
}

/** Data that the program uses otherwise. */
function keepData(tf: Tfjs, program: Program, rows: ReadonlySet<Tensor>, data: Bindings['data']) {
  const users = topologicalOrder(rootsOf(program)).filter((node) => !rows.has(node));
  const used = new Set([...users.flatMap((node) => node.inputs), ...rootsOf(program)]);
  return new Map(
    inputsOf(program, 'data').flatMap(({ node, source }) => {
      const values = required(data, source.name, 'data');
      expectLength(values, node.size, `data "${source.name}" of program ${program.name}`);
      return used.has(node) ? [[node, tf.keep(toTensor(tf, values, node))] as const] : [];
    }),
  );
}

/** The program's update over whole parameters. */
function compileUpdate(tf: Tfjs, { update, gradients }: Program, state: TfjsState) {
  if (update === undefined) return { run: () => {}, release: () => {} };
  const slots = ['parameter', ...update.moments];
  const rules = Object.entries(gradients).map(([name, gradient]) => {
    const wholes = ['gradient', ...slots].map((slot) => [slot, argument(slot, gradient.shape)]);
    const scalars = update.coefficients.map((coefficient) => [coefficient, argument(coefficient, [])]);
    const results = applyUpdate(update, Object.fromEntries([...wholes, ...scalars]));
    return { name, gradient, results, plan: createPlan(tf, Object.values(results)) };
  });
  return {
    run: (values: ReadonlyMap<Tensor, Value>, call: Call): void => {
      const coefficients = Object.fromEntries(
        update.coefficients.map((name) => [name, tf.scalar(required(call.coefficients, name, 'coefficient'))]),
      );
      const all = rules.flatMap(({ name, gradient, results, plan }) => {
        const updated = plan.evaluate((node) => {
          const slot = sourceName(sourceOf(node));
          if (slot === 'gradient') return values.get(gradient)!;
          return slots.includes(slot) ? state.at(name, slot) : coefficients[slot];
        });
        return slots.map((slot) => ({ name, slot, value: updated.get(results[slot])! }));
      });
      // All are computed before any is stored: a gradient may be another parameter. Clones share their values, and keep
      // apart what two slots, or a slot and its old tensor, have in common.
      const owned = all.map((one) => ({ ...one, value: one.value.clone() }));
      for (const { name, slot, value } of owned) state.replace(name, slot, value);
    },
    release: () => {
      for (const { plan } of rules) plan.release();
    },
  };
}

/** The library's messages run over many lines; the first says what happened, most often that memory ran out. */
function failure(program: Program, engine: string, error: unknown): EngineError {
  const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
  const remedy = /alloc|memory|OOM/i.test(reason) ? '; use a smaller batch, fewer samples or a smaller network' : '';
  return new EngineError(`${engine} could not run program "${program.name}": ${reason}${remedy}`);
}
