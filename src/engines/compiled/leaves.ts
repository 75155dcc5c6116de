/** What lies in memory before a program runs: parameters, data and constants. */

import { attributesOf, type Tensor } from '../../tensor/tensor.ts';
import type { Operand } from './arguments.ts';

/** Where an operand comes from that no step writes, or a constant's values. */
export function leafOf(operand: Operand) {
  if (operand === 'call' || 'floats' in operand) throw new Error('temporary values have no place');
  const leaf = operand as Tensor;
  if (leaf.primitive === 'constant') return { values: asStored(leaf) };
  if (leaf.primitive !== 'input') throw new Error(`a value of ${leaf.primitive} has no place`);
  return { source: attributesOf(leaf, 'input').source as { kind: string; name: string } };
}

/** A constant's values in the type in which the device reads them, made once so that it is uploaded once. */
function asStored(leaf: Tensor): Uint8Array | Int32Array | Float32Array {
  const { values } = attributesOf(leaf, 'constant');
  return values instanceof Float64Array ? converted(leaf, values) : values;
}

const conversions = new WeakMap<Tensor, Float32Array>();
function converted(leaf: Tensor, values: Float64Array): Float32Array {
  const known = conversions.get(leaf) ?? Float32Array.from(values);
  conversions.set(leaf, known);
  return known;
}
