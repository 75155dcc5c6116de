/** Reverse-mode derivatives: one rule per primitive, each written in primitives. */

import type { Attributes, Primitive } from './primitives.ts';
import { formatShape, ShapeError } from './shape.ts';
import {
  attributesOf,
  constant,
  keepAxes,
  type NodeOf,
  operation,
  sumTo,
  type Tensor,
  topologicalOrder,
} from './tensor.ts';

/**
 * What a rule gets: the node y = f(inputs), and ȳ, the derivative of the loss by y.
 * It returns the derivative by each operand, in the operand's own shape, or null where there is none.
 */
type Rule<P extends Primitive> = (
  adjoint: Tensor,
  y: Tensor,
  inputs: readonly Tensor[],
  attributes: Attributes[P],
) => readonly (Tensor | null)[];

const none: Rule<Primitive> = (_, __, inputs) => inputs.map(() => null);

/** Widens a reduction's adjoint to the shape of its operand. */
const widen = (adjoint: Tensor, x: Tensor, axes: readonly number[]): Tensor =>
  keepAxes(adjoint, x.shape, axes).broadcastTo(x.shape);

const rules: { readonly [P in Primitive]: Rule<P> } = {
  constant: none,
  input: none,
  // Comparisons, steps and signs are constant wherever they have a derivative at all.
  sign: none,
  step: none,
  less: none,
  equal: none,
  cast: none,
  stopGradient: none,

  neg: (g) => [g.neg()],
  exp: (g, y) => [g.mul(y)],
  log: (g, _, [x]) => [g.div(x)],
  sqrt: (g, y) => [g.mul(0.5).div(y)],
  abs: (g, _, [x]) => [g.mul(x.sign())],
  relu: (g, y) => [g.mul(y.step())],
  // elu′ = 1 for y > 0, else eˣ = y + 1: in both cases 1 − relu(−y).
  elu: (g, y) => [g.mul(constant(1).sub(y.neg().relu()))],
  sigmoid: (g, y) => [g.mul(y.mul(constant(1).sub(y)))],
  tanh: (g, y) => [g.mul(constant(1).sub(y.square()))],
  softplus: (g, _, [x]) => [g.mul(x.sigmoid())],

  add: (g, _, [a, b]) => [sumTo(g, a.shape), sumTo(g, b.shape)],
  sub: (g, _, [a, b]) => [sumTo(g, a.shape), sumTo(g.neg(), b.shape)],
  mul: (g, _, [a, b]) => [sumTo(g.mul(b), a.shape), sumTo(g.mul(a), b.shape)],
  // ∂(a/b)/∂b = −(a/b)/b
  div: (g, y, [a, b]) => [sumTo(g.div(b), a.shape), sumTo(g.mul(y).div(b).neg(), b.shape)],
  where: (g, _, [condition, a, b]) => [
    null,
    sumTo(condition.where(g, 0), a.shape),
    sumTo(condition.where(0, g), b.shape),
  ],

  // Y = op(A)·op(B):  op(A)‾ = Ȳ·op(B)ᵀ and op(B)‾ = op(A)ᵀ·Ȳ, each transposed once more where its operand was.
  matmul: (g, _, [a, b], { transposeA, transposeB }) => [
    transposeA ? b.matmul(g, { transposeA: transposeB, transposeB: true }) : g.matmul(b, { transposeB: !transposeB }),
    transposeB ? g.matmul(a, { transposeA: true, transposeB: transposeA }) : a.matmul(g, { transposeA: !transposeA }),
  ],

  // The three convolutions are the adjoints of one trilinear form T(x, filter, y) = ⟨convolve(x, filter), y⟩.
  convolve: (g, _, [x, filter], { stride, padding }) => [
    operation('convolveTransposed', [g, filter], { stride, padding, size: [x.shape[2], x.shape[3]] }),
    operation('convolveFilter', [x, g], { stride, padding, kernel: [filter.shape[2], filter.shape[3]] }),
  ],
  convolveTransposed: (g, _, [y, filter], { stride, padding }) => [
    operation('convolve', [g, filter], { stride, padding }),
    operation('convolveFilter', [g, y], { stride, padding, kernel: [filter.shape[2], filter.shape[3]] }),
  ],
  convolveFilter: (g, _, [x, y], { stride, padding }) => [
    operation('convolveTransposed', [y, g], { stride, padding, size: [x.shape[2], x.shape[3]] }),
    operation('convolve', [x, g], { stride, padding }),
  ],

  gather: (g, _, [x, indices], { axis }) => [
    operation('scatterAdd', [g, indices], { axis, length: x.shape[axis] }),
    null,
  ],
  scatterAdd: (g, _, [, indices], { axis }) => [g.gather(indices, axis), null],

  sum: (g, _, [x], { axes }) => [widen(g, x, axes)],
  // Shared equally among equal maxima.
  max: (g, y, [x], { axes }) => {
    const hits = x.equal(keepAxes(y, x.shape, axes)).cast('float');
    return [hits.mul(keepAxes(g, x.shape, axes)).div(hits.sum(axes, true))];
  },
  // The derivative of log Σ exp is the softmax exp(x − y).
  logSumExp: (g, y, [x], { axes }) => [
    x
      .sub(keepAxes(y, x.shape, axes))
      .exp()
      .mul(keepAxes(g, x.shape, axes)),
  ],

  reshape: (g, _, [x]) => [g.reshape(...x.shape)],
  transpose: (g, _, __, { permutation }) => [g.transpose(...permutation.map((_axis, i) => permutation.indexOf(i)))],
  broadcast: (g, _, [x]) => [sumTo(g, x.shape)],
  slice: (g, _, [x], { starts, ends }) => [
    operation('pad', [g], { before: starts, after: x.shape.map((size, i) => size - ends[i]) }),
  ],
  pad: (g, _, [x], { before }) => [
    operation('slice', [g], { starts: before, ends: x.shape.map((size, i) => before[i] + size) }),
  ],
  concat: (g, _, inputs, { axis }) => {
    let start = 0;
    return inputs.map((x) => {
      const part = g.slice(axis, start, start + x.shape[axis]);
      start += x.shape[axis];
      return part;
    });
  },
};

const applyRule = <P extends Primitive>(node: NodeOf<P>, adjoint: Tensor) =>
  rules[node.primitive](adjoint, node, node.inputs, attributesOf(node, node.primitive));

/**
 * The derivatives of a scalar by tensors, each in the shape of its tensor; zeros where the scalar does not depend on it.
 * @throws ShapeError if `loss` is not a scalar.
 */
export function gradients(loss: Tensor, targets: readonly Tensor[]): Tensor[] {
  if (loss.rank !== 0) throw new ShapeError(`gradients: expected a scalar loss, got ${formatShape(loss.shape)}`);
  const order = topologicalOrder([loss]);
  const relevant = new Set<Tensor>(targets);
  for (const node of order) {
    if (node.inputs.some((operand) => relevant.has(operand))) relevant.add(node);
  }
  const adjoints = new Map<Tensor, Tensor>([[loss, constant(1)]]);
  for (const node of order.reverse()) {
    const adjoint = adjoints.get(node);
    if (adjoint === undefined || !node.inputs.some((operand) => relevant.has(operand))) continue;
    const parts = applyRule(node, adjoint);
    node.inputs.forEach((operand, i) => {
      const part = parts[i];
      if (part === null || !relevant.has(operand)) return;
      const sum = adjoints.get(operand);
      adjoints.set(operand, sum === undefined ? part : sum.add(part));
    });
  }
  return targets.map((target) => adjoints.get(target) ?? constant(0).broadcastTo(target.shape));
}
