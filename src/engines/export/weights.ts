/** What is the same at every call, computed once: weights, tables, and all that is made of nothing else. */

import type { NumericArray } from '../../tensor/primitives.ts';
import { attributesOf, type Tensor } from '../../tensor/tensor.ts';
import { evaluate } from '../reference/kernels.ts';
import { type FreeProgram, followsBatch } from './free-batch.ts';

export interface Weight {
  /** A parameter's own; of what is made of one parameter, beginning with its name. No two are the same. */
  readonly name: string;
  readonly values: NumericArray;
}

/** The nodes that need no argument, by what they are; `parameter` gives a parameter's values. */
export function weightsOf(
  { nodes, sizesOf }: FreeProgram,
  parameter: (name: string) => Float32Array,
): ReadonlyMap<Tensor, Weight> {
  const sources = new Map<Tensor, ReadonlySet<string>>();
  for (const node of nodes) {
    if (sizesOf(node).some(followsBatch)) continue;
    if (node.primitive === 'input') {
      const { source } = attributesOf(node, 'input');
      if (source.kind === 'parameter') sources.set(node, new Set([source.name]));
    } else if (node.inputs.every((operand) => sources.has(operand))) {
      sources.set(node, new Set(node.inputs.flatMap((operand) => [...sources.get(operand)!])));
    }
  }
  const fixed = nodes.filter((node) => sources.has(node));
  const values = evaluate(fixed, (source) => parameter(source.kind === 'parameter' ? source.name : ''));
  return new Map(
    fixed.map((node, i) => [node, { name: nameOf(node, [...sources.get(node)!], i), values: values.get(node)! }]),
  );
}

const nameOf = (node: Tensor, parameters: readonly string[], position: number): string =>
  node.primitive === 'input' ? parameters[0] : `${parameters.length === 1 ? parameters[0] : 'constant'}/${position}`;
