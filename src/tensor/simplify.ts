/**
 * Algebra before compilation: equal subexpressions become one node, and identities that derivatives leave behind
 * (multiplying by one, repeating what broadcasts anyway, transposing twice) disappear. Values change by rounding alone,
 * as long as they and their sums are ordinary numbers of 32 bits: a division by a constant becomes a multiplication, and
 * what is multiplied by zero is zero even where it is infinite.
 */

import type { Attributes, Primitive, PrimitiveOf } from './primitives.ts';
import { sameShape } from './shape.ts';
import {
  attributesOf,
  concat,
  constant,
  isOfKind,
  operation,
  rebuilt,
  scalarValue,
  type Tensor,
  topologicalOrder,
} from './tensor.ts';

/** Simplifies several expressions together, so that what they share stays shared. */
export function simplify(roots: readonly Tensor[]): Tensor[] {
  const interned = new Map<string, Tensor>();
  const numbers = new Map<Tensor, number>();
  const done = new Map<Tensor, Tensor>();
  const shared = sharedNodes(roots);

  const intern = (node: Tensor): Tensor => {
    const key = keyOf(node, numbers);
    const known = interned.get(key);
    if (known !== undefined) return known;
    interned.set(key, node);
    numbers.set(node, numbers.size);
    return node;
  };

  // A rewritten node may be made of new nodes, so each is settled in turn until no rule applies.
  const settle = (node: Tensor): Tensor => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const inputs = node.inputs.map(settle);
    const current = rebuilt(node, inputs);
    const rewritten = rewrite(current, shared);
    const result = rewritten === current ? intern(current) : settle(rewritten);
    done.set(node, result);
    done.set(result, result);
    if (shared.has(node)) shared.add(result);
    return result;
  };

  // Operands first, so that the recursion of `settle` stays shallow.
  for (const node of topologicalOrder(roots)) settle(node);
  return roots.map(settle);
}

/** Nodes with several users: taking one apart for one of them would compute it twice. */
function sharedNodes(roots: readonly Tensor[]): Set<Tensor> {
  const used = new Set<Tensor>(roots);
  const shared = new Set<Tensor>();
  for (const node of topologicalOrder(roots)) {
    for (const operand of new Set(node.inputs)) (used.has(operand) ? shared : used).add(operand);
  }
  return shared;
}

/** Equal for nodes that compute the same value from the same operands. */
function keyOf(node: Tensor, numbers: ReadonlyMap<Tensor, number>): string {
  const operands = node.inputs.map((operand) => numbers.get(operand)).join(',');
  const type = `${node.dtype}[${node.shape.join(',')}]`;
  if (node.primitive === 'constant') {
    // Large constants are compared by identity: they are tables made once.
    const value = scalarValue(node);
    const text = Object.is(value, -0) ? '-0' : value;
    return value === undefined ? `constant#${numbers.size} ${type}` : `constant ${text} ${type}`;
  }
  return `${node.primitive}(${operands}) ${type} ${JSON.stringify(node.attributes)}`;
}

/** The number that every value of this node is known to be, if there is one. */
function uniformValue(node: Tensor): number | undefined {
  let core = node;
  while (core.primitive === 'broadcast' || core.primitive === 'reshape') core = core.inputs[0];
  return core.dtype === 'float' ? scalarValue(core) : undefined;
}

const is = (node: Tensor, primitive: Primitive): boolean => node.primitive === primitive;

type Scaled = { readonly factor: Tensor; readonly scale: number };

/** A product with a constant: its other factor and the constant. A negation counts as −1. */
function scaled(node: Tensor, shared: ReadonlySet<Tensor>): Scaled | undefined {
  if (shared.has(node)) return undefined;
  if (is(node, 'neg')) return { factor: node.inputs[0], scale: -1 };
  if (!is(node, 'mul')) return undefined;
  const scale = scalarValue(node.inputs[1]);
  return scale === undefined ? undefined : { factor: node.inputs[0], scale };
}

/** Whether 32 bits hold the number with all its digits: constants may only be merged into such. */
const isOrdinary = (value: number): boolean =>
  value === 0 || (Math.abs(value) >= 2 ** -126 && Math.abs(value) < 2 ** 127);

const scale = (x: Tensor, factor: number): Tensor => (factor === 1 ? x : factor === -1 ? x.neg() : x.mul(factor));

/** The node itself, or a simpler one of the same type and value. */
function rewrite(node: Tensor, shared: ReadonlySet<Tensor>): Tensor {
  const simpler = isOfKind(node, 'elementwise')
    ? (withSmallerOperands(node) ?? algebra[node.primitive]?.(node, node.inputs, shared))
    : arrangement(node, shared);
  return simpler ?? node;
}

/** Operands that are only repeated to fit are used unrepeated, and uniform ones as one number. */
function withSmallerOperands(node: Tensor): Tensor | undefined {
  if (node.dtype !== 'float' || node.primitive === 'cast') return undefined;
  const smaller = node.inputs.map((operand) => {
    const value = operand.rank === 0 ? undefined : uniformValue(operand);
    return value !== undefined ? constant(value) : is(operand, 'broadcast') ? operand.inputs[0] : operand;
  });
  const made = rebuilt(node, smaller);
  return made === node ? undefined : made.broadcastTo(node.shape);
}

type Rewrite = (node: Tensor, inputs: readonly Tensor[], shared: ReadonlySet<Tensor>) => Tensor | undefined;

const algebra: { readonly [P in PrimitiveOf<'elementwise'>]?: Rewrite } = {
  stopGradient: (_, [x]) => x,

  neg: (_, [x], shared) => {
    const value = scalarValue(x);
    if (value !== undefined) return constant(-value);
    const inner = scaled(x, shared);
    if (inner !== undefined) return scale(inner.factor, -inner.scale);
    return is(x, 'sub') && !shared.has(x) ? x.inputs[1].sub(x.inputs[0]) : undefined;
  },

  add: (node, [a, b], shared) => {
    const [left, right] = [scalarValue(a), scalarValue(b)];
    if (left !== undefined && right !== undefined) return constant(left + right);
    if (left !== undefined) return b.add(a);
    if (right === 0) return a;
    if (a === b) return a.mul(2);
    if (is(b, 'neg')) return a.sub(b.inputs[0]);
    if (is(a, 'neg')) return b.sub(a.inputs[0]);
    return joinPads(node, a, b) ?? commonScale(a, b, 1, shared);
  },

  sub: (_, [a, b], shared) => {
    const [left, right] = [scalarValue(a), scalarValue(b)];
    if (left !== undefined && right !== undefined) return constant(left - right);
    if (left === 0) return b.neg();
    if (right !== undefined) return a.add(-right);
    return is(b, 'neg') ? a.add(b.inputs[0]) : commonScale(a, b, -1, shared);
  },

  mul: (node, [a, b], shared) => {
    const [left, right] = [scalarValue(a), scalarValue(b)];
    if (left !== undefined && right !== undefined) {
      return isOrdinary(left * right) ? constant(left * right) : undefined;
    }
    if (left !== undefined) return b.mul(a);
    if (right === 0) return constant(0).broadcastTo(node.shape);
    if (right === 1) return a;
    if (right === -1) return a.neg();
    // Constants gather at the outermost factor, where they meet: (x·c)·d = x·(cd) and (x·c)·y = (x·y)·c.
    const [innerA, innerB] = [scaled(a, shared), scaled(b, shared)];
    if (innerA !== undefined && right !== undefined) {
      return isOrdinary(innerA.scale * right) ? scale(innerA.factor, innerA.scale * right) : undefined;
    }
    if (innerA !== undefined) return scale(innerA.factor.mul(b), innerA.scale);
    return innerB !== undefined ? scale(a.mul(innerB.factor), innerB.scale) : undefined;
  },

  div: (_, [a, b]) => {
    const value = scalarValue(b);
    return value === undefined || value === 0 || !isOrdinary(1 / value) ? undefined : a.mul(1 / value);
  },
};

/** x·c ± y·c = (x ± y)·c, and likewise where the constants differ in sign. */
function commonScale(a: Tensor, b: Tensor, sign: 1 | -1, shared: ReadonlySet<Tensor>): Tensor | undefined {
  const [left, right] = [scaled(a, shared), scaled(b, shared)];
  if (left === undefined || right === undefined || Math.abs(left.scale) !== Math.abs(right.scale)) return undefined;
  const same = left.scale === sign * right.scale;
  return scale(same ? left.factor.add(right.factor) : left.factor.sub(right.factor), left.scale);
}

/** pad(a) + pad(b), where one's zeros are exactly where the other's values are, is their concatenation. */
function joinPads(node: Tensor, a: Tensor, b: Tensor): Tensor | undefined {
  if (!is(a, 'pad') || !is(b, 'pad')) return undefined;
  const differing = node.shape.flatMap((size, axis) => (a.inputs[0].shape[axis] === size ? [] : [axis]));
  if (differing.length !== 1) return undefined;
  const [axis] = differing;
  const [start, end] = attributesOf(a, 'pad').before[axis] === 0 ? [a, b] : [b, a];
  const [first, second] = [start.inputs[0], end.inputs[0]];
  const fits =
    attributesOf(start, 'pad').before[axis] === 0 &&
    attributesOf(end, 'pad').after[axis] === 0 &&
    node.shape.every((size, i) => (i === axis ? first.shape[i] + second.shape[i] : second.shape[i]) === size);
  return fits ? concat([first, second], axis) : undefined;
}

const isIdentity = (permutation: readonly number[]): boolean => permutation.every((axis, i) => axis === i);

/** Rules for primitives that move values without changing them, and for those that take moved values. */
function arrangement(node: Tensor, shared: ReadonlySet<Tensor>): Tensor | undefined {
  const [x] = node.inputs;
  switch (node.primitive) {
    case 'reshape':
      if (sameShape(node.shape, x.shape)) return x;
      return is(x, 'reshape') ? x.inputs[0].reshape(...node.shape) : undefined;
    case 'broadcast':
      if (sameShape(node.shape, x.shape)) return x;
      return is(x, 'broadcast') ? x.inputs[0].broadcastTo(node.shape) : undefined;
    case 'transpose': {
      const { permutation } = attributesOf(node, 'transpose');
      if (isIdentity(permutation)) return x;
      // Axes of size 1 move without any value moving.
      const moving = permutation.filter((axis) => x.shape[axis] !== 1);
      if (moving.every((axis, i) => i === 0 || moving[i - 1] < axis)) return x.reshape(...node.shape);
      if (!is(x, 'transpose')) return undefined;
      const inner = attributesOf(x, 'transpose').permutation;
      return x.inputs[0].transpose(...permutation.map((axis) => inner[axis]));
    }
    case 'slice':
    case 'pad':
      return sameShape(node.shape, x.shape) ? x : undefined;
    case 'concat':
      return node.inputs.length === 1 ? x : undefined;
    case 'matmul':
      return matmulOfTransposed(node);
    case 'sum':
      return sumOfScaled(node, attributesOf(node, 'sum'), shared);
    default:
      return undefined;
  }
}

/** A transposed operand is read transposed instead. */
function matmulOfTransposed(node: Tensor): Tensor | undefined {
  const [a, b] = node.inputs;
  const { transposeA, transposeB } = attributesOf(node, 'matmul');
  if (is(a, 'transpose')) return a.inputs[0].matmul(b, { transposeA: !transposeA, transposeB });
  if (is(b, 'transpose')) return a.matmul(b.inputs[0], { transposeA, transposeB: !transposeB });
  return undefined;
}

/** Σ (x·c) = c·Σ x, where c is a number or does not vary along the sum. A sum over axes of size 1 is a reshape. */
function sumOfScaled(node: Tensor, { axes, keep }: Attributes['sum'], shared: ReadonlySet<Tensor>): Tensor | undefined {
  const [x] = node.inputs;
  if (axes.every((axis) => x.shape[axis] === 1)) return x.reshape(...node.shape);
  const inner = scaled(x, shared);
  if (inner !== undefined) return scale(inner.factor.sum(axes, keep), inner.scale);
  const value = uniformValue(x);
  if (value !== undefined) return constant((value * x.size) / node.size).broadcastTo(node.shape);
  if (!is(x, 'mul') && !is(x, 'div')) return undefined;
  const [a, b] = x.inputs;
  const isFixed = (factor: Tensor): boolean => axes.every((axis) => (factor.shape.at(axis - x.rank) ?? 1) === 1);
  if (a.rank === x.rank && isFixed(b)) return operation(x.primitive, [a.sum(axes, true), b], {}).reshape(...node.shape);
  if (b.rank === x.rank && isFixed(a) && is(x, 'mul'))
    return b
      .sum(axes, true)
      .mul(a)
      .reshape(...node.shape);
  return undefined;
}
