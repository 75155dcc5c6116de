/** Every primitive as operations of TensorFlow.js. Each gives a tensor of its own, which may share its values. */

import type { Tensor as Value } from '@tensorflow/tfjs-core';
import type { Primitive, PrimitiveOf } from '../../tensor/primitives.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { attributesOf, type NodeOf } from '../../tensor/tensor.ts';
import type { Tfjs } from './backends.ts';
import { convolve, convolveFilter, convolveTransposed } from './convolutions.ts';
import { type Kernel, TFJS_TYPE, toTensor } from './kernel.ts';

const unary =
  (f: (tf: Tfjs, x: Value) => Value): Kernel<Primitive> =>
  (tf, [x]) =>
    f(tf, x);

const binary =
  (f: (tf: Tfjs, a: Value, b: Value) => Value): Kernel<Primitive> =>
  (tf, [a, b]) =>
    f(tf, a, b);

const reduction =
  (f: (tf: Tfjs, x: Value, axes: number[], keep: boolean) => Value): Kernel<PrimitiveOf<'reduction'>> =>
  (tf, [x], _, { axes, keep }) =>
    axes.length === 0 ? tf.clone(x) : f(tf, x, [...axes], keep);

export const kernels: { readonly [P in Primitive]: Kernel<P> } = {
  constant: (tf, _, node, { values }) => toTensor(tf, values, node),
  input: (_, __, node) => {
    throw new Error(`the value of an input ${JSON.stringify(node.attributes)} is not computed`);
  },

  neg: unary((tf, x) => tf.neg(x)),
  exp: unary((tf, x) => tf.exp(x)),
  log: unary((tf, x) => tf.log(x)),
  sqrt: unary((tf, x) => tf.sqrt(x)),
  abs: unary((tf, x) => tf.abs(x)),
  sign: unary((tf, x) => tf.sign(x)),
  relu: unary((tf, x) => tf.relu(x)),
  step: unary((tf, x) => tf.step(x)),
  elu: unary((tf, x) => tf.elu(x)),
  sigmoid: unary((tf, x) => tf.sigmoid(x)),
  tanh: unary((tf, x) => tf.tanh(x)),
  // max(x, 0) + log(1 + e), e = e^−|x|, with log(1 + e) = log(u)·e/(u − 1) for the rounded u = 1 + e, and e where u = 1:
  // right to the last digits for every x, which tf.softplus is not, nor tf.log1p on wasm.
  softplus: unary((tf, x) => {
    const e = tf.exp(tf.neg(tf.abs(x)));
    const u = tf.add(e, 1);
    const logarithm = tf.mul(tf.log(u), tf.div(e, tf.sub(u, 1)));
    return tf.add(tf.relu(x), tf.where(tf.equal(u, 1), e, logarithm));
  }),
  stopGradient: unary((tf, x) => tf.clone(x)),
  cast: (tf, [x], _, { dtype }) => tf.cast(x, TFJS_TYPE[dtype]),

  add: binary((tf, a, b) => tf.add(a, b)),
  sub: binary((tf, a, b) => tf.sub(a, b)),
  mul: binary((tf, a, b) => tf.mul(a, b)),
  div: binary((tf, a, b) => tf.div(a, b)),
  less: binary((tf, a, b) => tf.less(a, b)),
  equal: binary((tf, a, b) => tf.equal(a, b)),
  where: (tf, [condition, a, b], { shape }) => {
    const [whole, ...choices] = [condition, a, b].map((x) => tf.broadcastTo(x, [...shape]));
    return tf.where(whole, choices[0], choices[1]);
  },

  matmul: (tf, [a, b], _, { transposeA, transposeB }) => {
    // The wasm backend goes value by value through a product that is read transposed.
    if (tf.getBackend() !== 'wasm') return tf.matMul(a, b, transposeA, transposeB);
    return tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b);
  },
  convolve,
  convolveTransposed,
  convolveFilter,

  gather: (tf, [x, indices], _, { axis }) => tf.gather(x, indices, axis),
  scatterAdd: (tf, [y, indices], node, { axis, length }) => {
    const [outer, inner, count] = [sizeOf(node.shape.slice(0, axis)), sizeOf(node.shape.slice(axis + 1)), indices.size];
    const rows = tf.transpose(tf.reshape(y, [outer, count, inner]), [1, 0, 2]);
    const sums = tf.scatterND(tf.reshape(indices, [count, 1]), rows, [length, outer, inner]);
    return tf.reshape(tf.transpose(sums, [1, 0, 2]), [...node.shape]);
  },

  sum: reduction((tf, x, axes, keep) => tf.sum(x, axes, keep)),
  max: reduction((tf, x, axes, keep) => tf.max(x, axes, keep)),
  logSumExp: reduction((tf, x, axes, keep) => {
    const largest = tf.max(x, axes, true);
    // Where the maximum is infinite it is the answer; shifting by it would give NaN.
    const shift = tf.where(tf.isFinite(largest), largest, tf.zerosLike(largest));
    const result = tf.add(tf.log(tf.sum(tf.exp(tf.sub(x, shift)), axes, true)), shift);
    return keep ? result : tf.squeeze(result, axes);
  }),

  reshape: (tf, [x], { shape }) => tf.reshape(x, [...shape]),
  transpose: (tf, [x], _, { permutation }) => tf.transpose(x, [...permutation]),
  broadcast: (tf, [x], { shape }) => tf.broadcastTo(x, [...shape]),
  slice: (tf, [x], { shape }, { starts }) => tf.slice(x, [...starts], [...shape]),
  pad: (tf, [x], _, { before, after }) =>
    tf.pad(
      x,
      before.map((n, axis): [number, number] => [n, after[axis]]),
    ),
  concat: (tf, operands, _, { axis }) => tf.concat([...operands], axis),
};

/** Computes a node. What a kernel makes on the way is gone afterwards. */
export const compute = <P extends Primitive>(tf: Tfjs, node: NodeOf<P>, operands: readonly Value[]): Value =>
  tf.tidy(() => kernels[node.primitive](tf, operands, node, attributesOf(node, node.primitive)));
