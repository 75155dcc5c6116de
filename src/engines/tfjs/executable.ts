/** A program on a backend: its inputs as tensors, its expressions as a plan, its update as a plan for each parameter. */

import type { Tensor as Value } from '@tensorflow/tfjs-core';
import type { Source } from '../../tensor/primitives.ts';
import { inputsOf, type Program, rootsOf, sourceName, wholeUpdates } from '../../tensor/program.ts';
import { attributesOf, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import type { CompleteCall } from '../checked.ts';
import { type Bindings, drawNoise, EngineError, type Results } from '../engine.ts';
import type { Tfjs } from './backends.ts';
import { toTensor } from './kernel.ts';
import { createPlan } from './plan.ts';
import type { TfjsState } from './state.ts';

export interface Context {
  /** Makes the engine's backend the active one. */
  readonly activate: () => Tfjs;
  /** The engine's, for messages. */
  readonly name: string;
}

interface Bound {
  readonly state: TfjsState;
  readonly data: Bindings['data'];
}

const sourceOf = (node: Tensor): Source => attributesOf(node, 'input').source;
const isInput = (node: Tensor, kind: Source['kind']): boolean =>
  node.primitive === 'input' && sourceOf(node).kind === kind;

export function createExecutable(program: Program, { state, data }: Bound, { activate, name }: Context) {
  const tf = activate();
  const rows = rowsOfData(program);
  const plan = createPlan(tf, rootsOf(program), rows);
  const resident = keepData(tf, program, rows, data);
  const update = compileUpdate(tf, program, state);

  const inputValue = (node: Tensor, call: CompleteCall): Value | undefined => {
    if (rows.has(node)) return gatherRows(tf, node, data, call);
    const source = sourceOf(node);
    switch (source.kind) {
      case 'argument':
        return toTensor(tf, call.arguments[source.name], node);
      case 'data':
        return resident.get(node);
      case 'parameter':
        return state.at(source.name);
      case 'noise':
        return toTensor(tf, drawNoise(node.size, source, call.noise), node);
    }
  };

  const compute = (call: CompleteCall): Results => {
    const values = plan.evaluate((node) => inputValue(node, call));
    const outputs = Object.entries(program.outputs).map(([output, node]): [string, Float32Array] => [
      output,
      values.get(node)!.dataSync<'float32'>() as Float32Array,
    ]);
    update.run(values, call);
    return Object.fromEntries(outputs);
  };

  return {
    run: (call: CompleteCall): Results => {
      activate();
      let results: Results = {};
      try {
        tf.tidy(() => {
          results = compute(call);
        });
        return results;
      } catch (error) {
        throw failure(program, name, error);
      }
    },
    release: (): void => {
      plan.release();
      update.release();
      for (const value of resident.values()) value.dispose();
    },
  };
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
function gatherRows(tf: Tfjs, node: Tensor, data: Bindings['data'], call: CompleteCall): Value {
  const [x, indices] = node.inputs;
  const values = data[sourceName(sourceOf(x))];
  const positions = call.arguments[sourceName(sourceOf(indices))];
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
    inputsOf(program, 'data').flatMap(({ node, source }) =>
      used.has(node) ? [[node, tf.keep(toTensor(tf, data[source.name], node))] as const] : [],
    ),
  );
}

/** The program's update over whole parameters. */
function compileUpdate(tf: Tfjs, program: Program, state: TfjsState) {
  const rules = wholeUpdates(program).map((rule) => ({ ...rule, plan: createPlan(tf, Object.values(rule.values)) }));
  return {
    run: (values: ReadonlyMap<Tensor, Value>, call: CompleteCall): void => {
      const coefficients = Object.fromEntries(
        (program.update?.coefficients ?? []).map((name) => [name, tf.scalar(call.coefficients[name])]),
      );
      const all = rules.flatMap(({ name, gradient, values: slots, plan }) => {
        const updated = plan.evaluate((node) => {
          const slot = sourceName(sourceOf(node));
          if (slot === 'gradient') return values.get(gradient)!;
          return slot in slots ? state.at(name, slot) : coefficients[slot];
        });
        return Object.entries(slots).map(([slot, node]) => ({ name, slot, value: updated.get(node)! }));
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
