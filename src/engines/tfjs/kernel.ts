/** What a kernel is, and how values come into TensorFlow.js. */

import type { Tensor as Value } from '@tensorflow/tfjs-core';
import type { Attributes, DType, Primitive } from '../../tensor/primitives.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Tfjs } from './backends.ts';

/** Computes a node from the values of its operands, on the backend that is active. */
export type Kernel<P extends Primitive> = (
  tf: Tfjs,
  operands: readonly Value[],
  node: Tensor,
  attributes: Attributes[P],
) => Value;

/** TensorFlow.js has no bytes: they are held as 32-bit integers. */
export const TFJS_TYPE = { float: 'float32', int32: 'int32', uint8: 'int32', bool: 'bool' } as const satisfies Record<
  DType,
  string
>;

const ARRAYS = { float: Float32Array, int32: Int32Array, uint8: Int32Array, bool: Uint8Array } as const;

/** Values as TensorFlow.js holds them: always a copy, because its cpu backend keeps the array that it is given. */
export const toTensor = (
  tf: Tfjs,
  values: ArrayLike<number>,
  { shape, dtype }: Pick<Tensor, 'shape' | 'dtype'>,
): Value => tf.tensor(ARRAYS[dtype].from(values), [...shape], TFJS_TYPE[dtype]);
