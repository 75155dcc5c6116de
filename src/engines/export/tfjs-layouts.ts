/**
 * How a graph of TensorFlow.js holds each value: as the program has it, or images with their channels last,
 * [N, C, H, W] → [N, H, W, C], which is how TensorFlow.js convolves them. A value is rearranged where it is asked for in
 * the other way, once; a weight is rearranged here and now.
 */

import type { Shape } from '../../tensor/shape.ts';
import { constant, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import { evaluate } from '../reference/kernels.ts';
import { TFJS_TYPE } from '../tfjs/kernel.ts';
import { type FreeProgram, openShape } from './free-batch.ts';
import type { TfjsGraph } from './tfjs-graph.ts';
import type { Weight } from './weights.ts';

export const TO_LAST = [0, 2, 3, 1];
const TO_FIRST = [0, 3, 1, 2];

export class Layouts {
  private readonly graph: TfjsGraph;
  private readonly free: FreeProgram;
  private readonly weights: ReadonlyMap<Tensor, Weight>;
  private readonly made = new Map<Tensor, { readonly name: string; readonly last: boolean }>();
  private readonly arranged = new Map<string, string>();

  constructor(graph: TfjsGraph, free: FreeProgram, weights: ReadonlyMap<Tensor, Weight>) {
    this.graph = graph;
    this.free = free;
    this.weights = weights;
  }

  /** Says under which name, and how, a node's value is there. */
  hold(node: Tensor, name: string, { last }: { readonly last: boolean }): void {
    this.made.set(node, { name, last });
  }

  /** Whether the value is made with its channels last. */
  isLast = (node: Tensor): boolean => this.made.get(node)?.last === true;

  /** As the program has it. */
  first(node: Tensor): string {
    const weight = this.weights.get(node);
    if (weight !== undefined) return this.graph.constant(weight.values, node.shape, TFJS_TYPE[node.dtype], weight.name);
    const { name, last } = this.made.get(node)!;
    return last ? this.once(`${name} first`, () => this.graph.transpose(name, TO_FIRST)) : name;
  }

  /** As an operand of images with their channels last. */
  last(node: Tensor): string {
    if (node.size === 1) return this.first(node);
    const four: Shape = [...new Array<number>(4 - node.rank).fill(1), ...openShape(this.free, node)];
    if (this.weights.has(node)) return this.weight(node, 'last', (x) => x.reshape(...four).transpose(...TO_LAST));
    const { name, last } = this.made.get(node)!;
    if (last) return name;
    return this.once(`${name} last`, () => {
      const whole = node.rank === 4 ? name : this.graph.reshape(name, four);
      return this.graph.transpose(whole, TO_LAST);
    });
  }

  /** A filter [O, C, KH, KW] as TensorFlow has it, [KH, KW, C, O]. */
  filter(node: Tensor): string {
    const permutation = [2, 3, 1, 0];
    if (this.weights.has(node)) return this.weight(node, 'filter', (x) => x.transpose(...permutation));
    return this.graph.transpose(this.first(node), permutation);
  }

  /** A matrix with its axes exchanged, if it is a weight. */
  transposedWeight(node: Tensor): string | undefined {
    return this.weights.has(node) ? this.weight(node, 'transposed', (x) => x.transpose()) : undefined;
  }

  /** A weight rearranged, under a name that says how. */
  private weight(node: Tensor, how: string, arrange: (x: Tensor) => Tensor): string {
    const { name, values } = this.weights.get(node)!;
    return this.once(`${name}/${how}`, () => {
      const arranged = arrange(constant(values, node.shape, node.dtype));
      const result = evaluate(topologicalOrder([arranged]), () => values).get(arranged)!;
      return this.graph.constant(result, arranged.shape, TFJS_TYPE[node.dtype], `${name}/${how}`);
    });
  }

  private once(key: string, make: () => string): string {
    const name = this.arranged.get(key) ?? make();
    this.arranged.set(key, name);
    return name;
  }
}
