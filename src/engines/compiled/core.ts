import type { Tensor } from '../../tensor/tensor.ts';

/** The tensor whose values, in the same order, are this one's. */
export function core(node: Tensor): Tensor {
  let inner = node;
  while (inner.primitive === 'reshape') inner = inner.inputs[0];
  return inner;
}
