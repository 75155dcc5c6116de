/** Symbolic tensors: immutable nodes that say what is computed. Nothing is computed here. */

import type { NoiseDistribution } from '../random/random.ts';
import {
  type Attributes,
  type DType,
  isKind,
  type Kind,
  type NumericArray,
  type Pair,
  type Primitive,
  type PrimitiveOf,
  type Source,
  type Type,
} from './primitives.ts';
import {
  formatShape,
  reducedShape,
  resolveAxes,
  resolveAxis,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
} from './shape.ts';
import { typeRules } from './type-rules.ts';

/** A number stands for a scalar constant wherever an operand is expected. */
export type Operand = Tensor | number;

/** One axis, several, or all of them where none is named. */
export type Axes = number | readonly number[];

export class Tensor implements Type {
  readonly primitive: Primitive;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes[Primitive];
  readonly shape: Shape;
  readonly dtype: DType;

  /** Made by `operation`, `constant` and the input functions below; not by hand. */
  constructor(primitive: Primitive, inputs: readonly Tensor[], attributes: Attributes[Primitive], type: Type) {
    this.primitive = primitive;
    this.inputs = inputs;
    this.attributes = attributes;
    this.shape = type.shape;
    this.dtype = type.dtype;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** Number of values. */
  get size(): number {
    return sizeOf(this.shape);
  }

  neg = (): Tensor => operation('neg', [this], {});
  exp = (): Tensor => operation('exp', [this], {});
  log = (): Tensor => operation('log', [this], {});
  sqrt = (): Tensor => operation('sqrt', [this], {});
  abs = (): Tensor => operation('abs', [this], {});
  sign = (): Tensor => operation('sign', [this], {});
  relu = (): Tensor => operation('relu', [this], {});
  step = (): Tensor => operation('step', [this], {});
  elu = (): Tensor => operation('elu', [this], {});
  sigmoid = (): Tensor => operation('sigmoid', [this], {});
  tanh = (): Tensor => operation('tanh', [this], {});
  softplus = (): Tensor => operation('softplus', [this], {});
  stopGradient = (): Tensor => operation('stopGradient', [this], {});
  square = (): Tensor => this.mul(this);

  add = (other: Operand): Tensor => operation('add', [this, asTensor(other)], {});
  sub = (other: Operand): Tensor => operation('sub', [this, asTensor(other)], {});
  mul = (other: Operand): Tensor => operation('mul', [this, asTensor(other)], {});
  div = (other: Operand): Tensor => operation('div', [this, asTensor(other)], {});
  less = (other: Operand): Tensor => operation('less', [this, asTensor(other, this.dtype)], {});
  greater = (other: Operand): Tensor => operation('less', [asTensor(other, this.dtype), this], {});
  equal = (other: Operand): Tensor => operation('equal', [this, asTensor(other, this.dtype)], {});

  /** This tensor is the condition. */
  where = (a: Operand, b: Operand): Tensor => operation('where', [this, asTensor(a), asTensor(b)], {});

  cast(dtype: DType): Tensor {
    return dtype === this.dtype ? this : operation('cast', [this], { dtype });
  }

  matmul(other: Tensor, { transposeA = false, transposeB = false } = {}): Tensor {
    return operation('matmul', [this, other], { transposeA, transposeB });
  }

  /** x [N, C, H, W] with a filter [O, C, KH, KW] → [N, O, H′, W′]. */
  convolve(filter: Tensor, { stride = [1, 1] as Pair, padding = [0, 0] as Pair } = {}): Tensor {
    return operation('convolve', [this, filter], { stride, padding });
  }

  /** y [N, O, H′, W′] with a filter [O, C, KH, KW] → [N, C, ...size], where `convolve` maps that size to this one. */
  convolveTransposed(filter: Tensor, size: Pair, { stride = [1, 1] as Pair, padding = [0, 0] as Pair } = {}): Tensor {
    return operation('convolveTransposed', [this, filter], { stride, padding, size });
  }

  /** Picks slices along `axis`; `indices` is int32 of any shape. */
  gather(indices: Tensor, axis = 0): Tensor {
    return operation('gather', [this, indices], { axis: resolveAxis(axis, this.rank, 'gather') });
  }

  sum = (axes?: Axes, keep = false): Tensor => this.reduce('sum', axes, keep);
  max = (axes?: Axes, keep = false): Tensor => this.reduce('max', axes, keep);
  logSumExp = (axes?: Axes, keep = false): Tensor => this.reduce('logSumExp', axes, keep);

  mean(axes?: Axes, keep = false): Tensor {
    const total = this.sum(axes, keep);
    return total.mul(total.size / this.size);
  }

  reshape = (...shape: number[]): Tensor => operation('reshape', [this], { shape });

  /** Without arguments: the axes in reverse. */
  transpose(...permutation: number[]): Tensor {
    const axes = permutation.length > 0 ? permutation : this.shape.map((_, i) => this.rank - 1 - i);
    return operation('transpose', [this], { permutation: axes });
  }

  broadcastTo(shape: Shape): Tensor {
    return sameShape(shape, this.shape) ? this : operation('broadcast', [this], { shape });
  }

  /** Positions start ≤ i < end along one axis. */
  slice(axis: number, start: number, end: number): Tensor {
    const at = resolveAxis(axis, this.rank, 'slice');
    const starts = this.shape.map((_, i) => (i === at ? start : 0));
    const ends = this.shape.map((size, i) => (i === at ? end : size));
    return operation('slice', [this], { starts, ends });
  }

  /** Equal parts along one axis. */
  split(parts: number, axis: number): Tensor[] {
    const length = this.shape[resolveAxis(axis, this.rank, 'split')] / parts;
    if (!Number.isInteger(length)) {
      throw new ShapeError(`split: axis ${axis} of ${formatShape(this.shape)} is not divisible by ${parts}`);
    }
    return this.cut(Array<number>(parts).fill(length), axis);
  }

  /** Parts of the given lengths along one axis, from its start. */
  cut(lengths: readonly number[], axis: number): Tensor[] {
    let end = 0;
    return lengths.map((length) => {
      const start = end;
      end += length;
      return this.slice(axis, start, end);
    });
  }

  private reduce(primitive: PrimitiveOf<'reduction'>, axes: Axes | undefined, keep: boolean): Tensor {
    const named = axes === undefined ? this.shape.map((_, i) => i) : typeof axes === 'number' ? [axes] : axes;
    return operation(primitive, [this], { axes: resolveAxes(named, this.rank, primitive), keep });
  }
}

/** A node that applies a primitive. Throws ShapeError where the operands do not fit it. */
export function operation<P extends Primitive>(
  primitive: P,
  inputs: readonly Tensor[],
  attributes: Attributes[P],
): Tensor {
  return new Tensor(primitive, inputs, attributes, typeRules[primitive](inputs, attributes, primitive));
}

/** The attributes of a node known to be of primitive P. */
export const attributesOf = <P extends Primitive>(node: Tensor, _primitive: P): Attributes[P] =>
  node.attributes as Attributes[P];

/** A node of a known primitive, or of one of several. */
export type NodeOf<P extends Primitive> = Tensor & { readonly primitive: P };

export const isOfKind = <K extends Kind>(node: Tensor, kind: K): node is NodeOf<PrimitiveOf<K>> =>
  isKind(node.primitive, kind);

/** The same operation on other operands; the node itself where they are its own. */
export const rebuilt = (node: Tensor, inputs: readonly Tensor[]): Tensor =>
  inputs.every((operand, i) => operand === node.inputs[i]) ? node : operation(node.primitive, inputs, node.attributes);

export function constant(values: number | NumericArray, shape: Shape = [], dtype: DType = 'float'): Tensor {
  const array = typeof values === 'number' ? Float64Array.of(values) : values;
  if (array.length !== sizeOf(shape)) {
    throw new ShapeError(`constant: ${array.length} values do not fill ${formatShape(shape)}`);
  }
  const exact = dtype === 'int32' ? Int32Array.from(array) : dtype === 'float' ? array : Uint8Array.from(array);
  if (exact.some((value, i) => value !== array[i] && !Number.isNaN(value))) {
    throw new ShapeError(`constant: ${array.join(', ').slice(0, 60)} cannot be held as ${dtype}`);
  }
  return new Tensor('constant', [], { values: exact }, { shape, dtype });
}

/** The value of a scalar constant, else undefined. */
export function scalarValue(node: Tensor): number | undefined {
  return node.primitive === 'constant' && node.rank === 0 ? attributesOf(node, 'constant').values[0] : undefined;
}

const asTensor = (operand: Operand, dtype: DType = 'float'): Tensor =>
  typeof operand === 'number' ? constant(operand, [], dtype) : operand;

export const concat = (parts: readonly Tensor[], axis: number): Tensor =>
  operation('concat', parts, { axis: resolveAxis(axis, parts[0].rank, 'concat') });

const input = (source: Source, shape: Shape, dtype: DType): Tensor =>
  new Tensor('input', [], { source }, { shape, dtype });

/** A value handed over at each call. */
export const argument = (name: string, shape: Shape, dtype: DType = 'float'): Tensor =>
  input({ kind: 'argument', name }, shape, dtype);

/** A value that stays with the engine and never changes, such as the images of a dataset. */
export const data = (name: string, shape: Shape, dtype: DType): Tensor => input({ kind: 'data', name }, shape, dtype);

/** A value that stays with the engine and is learnt. */
export const parameter = (name: string, shape: Shape): Tensor => input({ kind: 'parameter', name }, shape, 'float');

/** Random numbers of the call's seed and step; two tensors of one stream are the same numbers. */
export const noise = (stream: string, distribution: NoiseDistribution, shape: Shape): Tensor =>
  input({ kind: 'noise', stream, distribution }, shape, 'float');

/** Every node that the roots depend on, operands before their users, each once. */
export function topologicalOrder(roots: readonly Tensor[]): Tensor[] {
  const seen = new Set<Tensor>();
  const order: Tensor[] = [];
  // An explicit stack: a deep graph must not overflow the call stack.
  const stack: { node: Tensor; next: number }[] = [];
  for (const root of roots) {
    if (!seen.has(root)) stack.push({ node: root, next: 0 });
    seen.add(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next === top.node.inputs.length) {
        order.push(top.node);
        stack.pop();
        continue;
      }
      const operand = top.node.inputs[top.next++];
      if (!seen.has(operand)) {
        seen.add(operand);
        stack.push({ node: operand, next: 0 });
      }
    }
  }
  return order;
}

/**
 * Goes through a graph once, operands before their users: `rule` makes something of each node and of what was made of
 * its operands.
 */
export function mapNodes<T>(
  roots: readonly Tensor[],
  rule: (node: Tensor, operands: readonly T[]) => T,
): ReadonlyMap<Tensor, T> {
  const made = new Map<Tensor, T>();
  for (const node of topologicalOrder(roots)) {
    made.set(
      node,
      rule(
        node,
        node.inputs.map((operand) => made.get(operand)!),
      ),
    );
  }
  return made;
}

/** Sums a tensor down to a shape that broadcasts to its own: the adjoint of broadcasting. */
export function sumTo(tensor: Tensor, shape: Shape): Tensor {
  if (sameShape(tensor.shape, shape)) return tensor;
  const offset = tensor.rank - shape.length;
  const axes = tensor.shape.flatMap((size, i) => (i < offset || (shape[i - offset] === 1 && size !== 1) ? [i] : []));
  const summed = tensor.sum(axes);
  return sameShape(summed.shape, shape) ? summed : summed.reshape(...shape);
}

/** Gives a reduced tensor its reduced axes back, with size 1. */
export const keepAxes = (reduced: Tensor, original: Shape, axes: readonly number[]): Tensor =>
  reduced.reshape(...reducedShape(original, axes, true));
