/** Expressions in the order in which they are computed, with what is known beforehand kept and the rest freed early. */

import type { Tensor as Value } from '@tensorflow/tfjs-core';
import { type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import type { Tfjs } from './backends.ts';
import { compute } from './kernels.ts';

export interface Plan {
  /**
   * The values of the roots, computed inside the caller's tidy. `given` is asked for every node that is not constant
   * before it is computed; what it gives stays the caller's.
   */
  evaluate(given: (node: Tensor) => Value | undefined): ReadonlyMap<Tensor, Value>;
  /** Frees the constants. */
  release(): void;
}

/** @param leaves nodes that `given` will answer for, although they have operands. */
export function createPlan(tf: Tfjs, roots: readonly Tensor[], leaves: ReadonlySet<Tensor> = new Set()): Plan {
  const order = topologicalOrder(roots);
  const constants = new Map(
    order.flatMap((node) => (node.primitive === 'constant' ? [[node, tf.keep(compute(tf, node, []))] as const] : [])),
  );
  const computed = order.filter((node) => node.inputs.length > 0 && !leaves.has(node));
  // Values are freed after their last use: kept to the end of a call, they would fill the memory together.
  const lastUser = new Map<Tensor, Tensor>();
  for (const node of computed) for (const operand of node.inputs) lastUser.set(operand, node);
  const kept = new Set(roots);
  const isFreed = new Set(computed.filter((node) => !kept.has(node)));
  const freedAfter = (user: Tensor): Tensor[] =>
    [...new Set(user.inputs)].filter((operand) => isFreed.has(operand) && lastUser.get(operand) === user);
  const steps = computed.map((node) => ({ node, freed: freedAfter(node) }));
  const inputs = order.filter((node) => node.primitive === 'input' || leaves.has(node));

  return {
    evaluate: (given) => {
      const values = new Map<Tensor, Value>(constants);
      for (const node of inputs) {
        const value = given(node);
        if (value !== undefined) values.set(node, value);
      }
      for (const { node, freed } of steps) {
        values.set(
          node,
          compute(
            tf,
            node,
            node.inputs.map((operand) => values.get(operand)!),
          ),
        );
        for (const operand of freed) values.get(operand)!.dispose();
      }
      return values;
    },
    release: () => {
      for (const value of constants.values()) value.dispose();
    },
  };
}
