/**
 * What goes to the device and comes back at each call, as blocks of bytes: the noise's key, the update's coefficients and
 * the arguments in one, the outputs in the other.
 */

import type { DType } from '../../tensor/primitives.ts';
import { inputsOf, type Program } from '../../tensor/program.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { CompleteCall } from '../checked.ts';
import { ARRAYS, type Results } from '../engine.ts';
import { aligned } from './buffers.ts';
import { BYTES } from './expressions.ts';
import { CALL_WORDS, callWords } from './noise.ts';
import type { Plan } from './plan.ts';

/** Where the coefficients start, in bytes. */
export const COEFFICIENTS_START = 4 * CALL_WORDS;

interface Block {
  readonly bytes: number;
  /** Where the tensors lie in it, in bytes. */
  readonly places: ReadonlyMap<Tensor, number>;
}

export interface CallBlock extends Block {
  fill(bytes: ArrayBuffer, call: CompleteCall): void;
}

export interface ResultsBlock extends Block {
  /** Copies of the outputs. */
  collect(bytes: ArrayBuffer): Results;
}

/** The key's words, then the coefficients, then each argument. */
export function layoutCall(program: Program): CallBlock {
  const names = program.update?.coefficients ?? [];
  let bytes = aligned(COEFFICIENTS_START + 4 * names.length);
  const places = new Map<Tensor, number>();
  const args: { name: string; dtype: DType; size: number; offset: number }[] = [];
  for (const { node, source } of inputsOf(program, 'argument')) {
    places.set(node, bytes);
    args.push({ name: source.name, dtype: node.dtype, size: node.size, offset: bytes });
    bytes += aligned(node.size * BYTES[node.dtype]);
  }
  return {
    bytes,
    places,
    fill: (block, call) => {
      new Uint32Array(block, 0, CALL_WORDS).set(callWords(call.noise));
      const coefficients = new Float32Array(block, COEFFICIENTS_START, names.length);
      names.forEach((name, i) => {
        coefficients[i] = call.coefficients[name];
      });
      for (const { name, dtype, size, offset } of args) {
        new ARRAYS[dtype](block, offset, size).set(call.arguments[name]);
      }
    },
  };
}

export function layoutResults({ outputs }: Pick<Plan, 'outputs'>): ResultsBlock {
  const places = new Map<Tensor, number>();
  let bytes = 0;
  const parts = Object.entries(outputs).map(([name, node]) => {
    const offset = bytes;
    places.set(node, offset);
    bytes += aligned(node.size * BYTES.float);
    return { name, offset, size: node.size };
  });
  return {
    bytes,
    places,
    collect: (block) =>
      Object.fromEntries(parts.map(({ name, offset, size }) => [name, new Float32Array(block, offset, size).slice()])),
  };
}
