/** The value of a tensor at a position as C, computed from what is stored. */

import { isKind, type PrimitiveOf } from '../../tensor/primitives.ts';
import { attributesOf, constant, scalarValue, type Tensor } from '../../tensor/tensor.ts';
import type { Dialect } from './dialect.ts';
import { C_TYPES, expressions, literal } from './expressions.ts';
import { drawExpression } from './noise.ts';
import { atAxes, atLinear, type Define, type Indices, type Position, plus, repeated, reshaped } from './positions.ts';

/** What a kernel reads: by the names of its arguments. */
export interface Reads {
  readonly dialect: Dialect;
  /** Whether a tensor has a place in memory, from where it is read. */
  isStored(node: Tensor): boolean;
  /** The name of the argument that points to a stored tensor or a leaf. */
  pointerTo(node: Tensor): string;
  /** The name of the argument that points to the call's block. */
  pointerToCall(): string;
  /** The name of a stored value that is read at this position alone, where it has just been computed. */
  valueHere?(node: Tensor): string | undefined;
}

/** Statements of one block of code. What an outer block has defined is known in an inner one, not the other way round. */
export class Block {
  readonly lines: string[] = [];
  private readonly outer: Block | undefined;
  private readonly names = new Map<string, string>();
  private readonly values = new Map<Tensor, Map<string, string>>();
  private readonly counter: { next: number };
  readonly index: Define;

  /** @param indices what is known of positions; an inner block knows what the outer one does. */
  constructor(outer?: Block, indices: Indices | undefined = outer?.index.indices) {
    this.outer = outer;
    this.counter = outer?.counter ?? { next: 0 };
    this.index = Object.assign((expression: string) => this.define('int', expression), { indices });
  }

  fresh = (prefix: string): string => `${prefix}${this.counter.next++}`;

  /** An expression's name; the expression itself where that is a name or a number. */
  define(type: string, expression: string): string {
    if (/^[\w.]+$/.test(expression)) return expression;
    const known = this.nameOf(`${type} ${expression}`);
    if (known !== undefined) return known;
    const name = this.fresh(type === 'int' ? 'i' : 'v');
    this.lines.push(`const ${type} ${name} = ${expression};`);
    this.names.set(`${type} ${expression}`, name);
    if (type === 'int') this.index.indices?.note(name, expression);
    return name;
  }

  /** The name of a tensor's value at a position, where it has been computed. */
  valueOf = (node: Tensor, position: Position): string | undefined =>
    this.values.get(node)?.get(position.key) ?? this.outer?.valueOf(node, position);

  remember(node: Tensor, position: Position, name: string): void {
    const positions = this.values.get(node) ?? new Map<string, string>();
    this.values.set(node, positions.set(position.key, name));
  }

  /** Appends a block behind a heading such as a loop's. */
  nest(heading: string, inner: Block): void {
    this.lines.push(`${heading} {`, ...inner.lines.map((line) => `  ${line}`), '}');
  }

  private nameOf = (key: string): string | undefined => this.names.get(key) ?? this.outer?.nameOf(key);
}

/** Adds statements for a tensor's value at a position, and returns the value's name. `own`: compute it, stored or not. */
export function emit(block: Block, node: Tensor, position: Position, reads: Reads, own = false): string {
  const scalar = scalarValue(node);
  if (scalar !== undefined) return literal(scalar, node.dtype, reads.dialect);
  const known = block.valueOf(node, position) ?? (own ? undefined : reads.valueHere?.(node));
  if (known !== undefined) return known;
  const name =
    !own && reads.isStored(node) ? load(block, node, position, reads) : compute(block, node, position, reads);
  block.remember(node, position, name);
  return name;
}

function load(block: Block, node: Tensor, position: Position, reads: Reads): string {
  return block.define(C_TYPES[node.dtype], `${reads.pointerTo(node)}[${position.linear(block.index)}]`);
}

function compute(block: Block, node: Tensor, position: Position, reads: Reads): string {
  const { primitive, dtype, inputs } = node;
  if (isKind(primitive, 'elementwise')) {
    const operands = inputs.map((operand) =>
      emit(block, operand, repeated(position, operand.shape, block.index), reads),
    );
    return block.define(C_TYPES[dtype], expressions[primitive].code(operands, dtype, reads.dialect));
  }
  if (isKind(primitive, 'product') || isKind(primitive, 'reduction')) {
    throw new Error(`${primitive} is not computed value by value`);
  }
  return emitters[primitive](block, node, position, reads);
}

type Emitter = (block: Block, node: Tensor, position: Position, reads: Reads) => string;

/** What moves values: each finds the position in its operand, and reads there. */
const emitters: { readonly [P in PrimitiveOf<'leaf' | 'indexing' | 'arrangement'>]: Emitter } = {
  constant: load,
  input: (block, node, position, reads) => {
    const { source } = attributesOf(node, 'input');
    if (source.kind !== 'noise') return load(block, node, position, reads);
    const which = { ...source, call: reads.pointerToCall() };
    return block.define('float', drawExpression(which, position.linear(block.index)));
  },
  reshape: (block, { inputs: [x] }, position, reads) => emit(block, x, reshaped(position, x.shape, block.index), reads),
  broadcast: (block, { inputs: [x] }, position, reads) =>
    emit(block, x, repeated(position, x.shape, block.index), reads),
  transpose: (block, node, position, reads) => {
    const [x] = node.inputs;
    const axes = position.axes(block.index);
    const { permutation } = attributesOf(node, 'transpose');
    const moved = x.shape.map((_, axis) => axes[permutation.indexOf(axis)]);
    return emit(block, x, atAxes(x.shape, moved), reads);
  },
  slice: (block, node, position, reads) => {
    const [x] = node.inputs;
    const axes = position.axes(block.index);
    const { starts } = attributesOf(node, 'slice');
    const shifted = axes.map((axis, i) => block.index(plus(axis, starts[i])));
    return emit(block, x, atAxes(x.shape, shifted), reads);
  },
  gather,
  pad,
  concat,
  scatterAdd,
};

/** The axes before the indices', the indices', and those behind them. */
function parted<T>(axes: readonly T[], axis: number, count: number): [readonly T[], readonly T[], readonly T[]] {
  return [axes.slice(0, axis), axes.slice(axis, axis + count), axes.slice(axis + count)];
}

function gather(block: Block, node: Tensor, position: Position, reads: Reads): string {
  const [x, indices] = node.inputs;
  const { axis } = attributesOf(node, 'gather');
  const [before, chosen, behind] = parted(position.axes(block.index), axis, indices.rank);
  const index = emit(block, indices, atAxes(indices.shape, chosen), reads);
  return emit(block, x, atAxes(x.shape, [...before, index, ...behind]), reads);
}

/** Adds a variable that is set where a condition holds. */
function variable(block: Block, type: string, initial: string): string {
  const name = block.fresh('v');
  block.lines.push(`${type} ${name} = ${initial};`);
  return name;
}

/** What is outside is not read. */
function pad(block: Block, node: Tensor, position: Position, reads: Reads): string {
  const [x] = node.inputs;
  const { before, after } = attributesOf(node, 'pad');
  const axes = position.axes(block.index);
  const shifted = axes.map((axis, i) => (before[i] === 0 ? axis : block.index(`${axis} - ${before[i]}`)));
  const conditions = axes.flatMap((axis, i) => [
    ...(before[i] > 0 ? [`${axis} >= ${before[i]}`] : []),
    ...(after[i] > 0 ? [`${axis} < ${before[i] + x.shape[i]}`] : []),
  ]);
  if (x.size === 0) return '0.0f';
  if (conditions.length === 0) return emit(block, x, atAxes(x.shape, shifted), reads);
  const value = variable(block, 'float', '0.0f');
  const inside = new Block(block);
  inside.lines.push(`${value} = ${emit(inside, x, atAxes(x.shape, shifted), reads)};`);
  block.nest(`if (${conditions.join(' && ')})`, inside);
  return value;
}

function concat(block: Block, node: Tensor, position: Position, reads: Reads): string {
  const { axis } = attributesOf(node, 'concat');
  const axes = position.axes(block.index);
  const value = variable(block, C_TYPES[node.dtype], '0');
  let start = 0;
  for (const part of node.inputs) {
    const end = start + part.shape[axis];
    if (end === start) continue;
    const inside = new Block(block);
    const within = inside.index(start === 0 ? axes[axis] : `${axes[axis]} - ${start}`);
    const at = atAxes(
      part.shape,
      axes.map((other, i) => (i === axis ? within : other)),
    );
    inside.lines.push(`${value} = ${emit(inside, part, at, reads)};`);
    block.nest(`if (${axes[axis]} >= ${start} && ${axes[axis]} < ${end})`, inside);
    start = end;
  }
  return value;
}

/** The sum of what is scattered to a position, always in the same order: no two threads add to one value. */
function scatterAdd(block: Block, node: Tensor, position: Position, reads: Reads): string {
  const [y, indices] = node.inputs;
  const { axis } = attributesOf(node, 'scatterAdd');
  const axes = position.axes(block.index);
  const target = axes[axis];
  const sum = variable(block, 'float', '0.0f');
  const from = block.fresh('i');
  const inside = new Block(block);
  const table = indices.primitive === 'constant' ? inverse(node) : undefined;
  const source = table === undefined ? from : inside.index(`${reads.pointerTo(table.order)}[${from}]`);
  const [before, , behind] = parted(axes, axis, 1);
  const chosen = atLinear(indices.shape, source).axes(inside.index);
  const value = (within: Block) =>
    `${sum} += ${emit(within, y, atAxes(y.shape, [...before, ...chosen, ...behind]), reads)};`;
  if (table !== undefined) {
    const starts = reads.pointerTo(table.starts);
    const [first, last] = [block.index(`${starts}[${target}]`), block.index(`${starts}[${target} + 1]`)];
    inside.lines.push(value(inside));
    block.nest(`for (int ${from} = ${first}; ${from} < ${last}; ${from}++)`, inside);
    return sum;
  }
  const index = emit(inside, indices, atAxes(indices.shape, chosen), reads);
  const matching = new Block(inside);
  matching.lines.push(value(matching));
  inside.nest(`if (${index} == ${target})`, matching);
  block.nest(`for (int ${from} = 0; ${from} < ${indices.size}; ${from}++)`, inside);
  return sum;
}

interface Inverse {
  /** Positions of the indices, sorted by index. */
  readonly order: Tensor;
  /** Where each index's positions begin in that order, and where the last one's end. */
  readonly starts: Tensor;
}

const inverses = new WeakMap<Tensor, Inverse>();

/** For each index of a constant table, where in the table it stands. */
function inverse(node: Tensor): Inverse {
  const known = inverses.get(node);
  if (known !== undefined) return known;
  const { values } = attributesOf(node.inputs[1], 'constant');
  const { length } = attributesOf(node, 'scatterAdd');
  const starts = new Int32Array(length + 1);
  for (const index of values) starts[index + 1]++;
  for (let i = 0; i < length; i++) starts[i + 1] += starts[i];
  const order = Int32Array.from(values.keys()).sort((a, b) => values[a] - values[b] || a - b);
  const tables = {
    order: constant(order, [order.length], 'int32'),
    starts: constant(starts, [starts.length], 'int32'),
  };
  inverses.set(node, tables);
  return tables;
}
