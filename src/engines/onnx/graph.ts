/** Builds an ONNX graph: collects nodes and constants, and names every value. */

import type { Shape } from '../../tensor/shape.ts';
import { encodeFloats, encodeInt64, type OnnxAttribute, type OnnxConstant, type OnnxNode } from './protobuf.ts';

export type AttributeTable = Readonly<Record<string, OnnxAttribute>>;

export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxConstant[] = [];
  private readonly known = new Map<string, string>();
  private count = 0;

  /** Applies an operator and returns the name of its result. */
  apply(
    operator: string,
    inputs: readonly string[],
    attributes: AttributeTable = {},
    name = this.fresh(),
    domain?: string,
  ): string {
    this.nodes.push({ operator, inputs, outputs: [name], attributes, ...(domain && { domain }) });
    return name;
  }

  constant(constant: Omit<OnnxConstant, 'name'>): string {
    const key = `${constant.type} ${constant.shape} ${Buffer.from(constant.bytes).toString('base64')}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const name = this.fresh();
    this.known.set(key, name);
    this.constants.push({ name, ...constant });
    return name;
  }

  /** A vector of 64-bit integers, which operators take for shapes and axes. */
  integers = (values: readonly number[]): string =>
    this.constant({ type: 'int64', shape: [values.length], bytes: encodeInt64(values) });

  reshape = (x: string, shape: Shape): string => this.apply('Reshape', [x, this.integers(shape)]);

  zeros = (shape: Shape): string => this.apply('Expand', [this.number(0), this.integers(shape)]);

  /** One number, with `rank` axes of size 1. */
  number = (value: number, rank = 0): string =>
    this.constant({ type: 'float', shape: new Array<number>(rank).fill(1), bytes: encodeFloats([value]) });

  private fresh = (): string => `v${this.count++}`;
}
