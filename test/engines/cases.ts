/** For every primitive, expressions that use it: what the derivative tests and the conformance suite both run over. */

import type { DType, Primitive } from '../../src/tensor/primitives.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import { argument, concat, constant, data, noise, operation, parameter, type Tensor } from '../../src/tensor/tensor.ts';

/** How an argument's values are drawn. */
export type Range = 'real' | 'positive' | 'awayFromZero' | { readonly integersBelow: number };

export interface CaseInput {
  readonly shape: Shape;
  readonly dtype?: DType;
  readonly range?: Range;
}

export interface Case {
  readonly name: string;
  readonly inputs: readonly CaseInput[];
  /** An expression of floats. */
  readonly build: (...inputs: Tensor[]) => Tensor;
  /** Inputs by which the expression has a derivative; by default all floats. */
  readonly differentiable?: readonly number[];
}

/** The sizes that cases are made of; any positive integers. */
export type Sizes = readonly [a: number, b: number, c: number];

const one = (name: string, input: CaseInput, build: (x: Tensor) => Tensor): Case[] => [
  { name, inputs: [input], build },
];

const binary = (
  name: string,
  [a, b, c]: Sizes,
  build: (a: Tensor, b: Tensor) => Tensor,
  range: Range = 'real',
): Case[] => [
  { name: `${name} of equal shapes`, inputs: [{ shape: [a, b] }, { shape: [a, b], range }], build },
  { name: `${name} with a row repeated`, inputs: [{ shape: [a, b] }, { shape: [b], range }], build },
  { name: `${name} with both repeated`, inputs: [{ shape: [a, 1, b] }, { shape: [c, 1], range }], build },
  { name: `${name} with a scalar`, inputs: [{ shape: [a, b] }, { shape: [], range }], build },
];

/**
 * Convolution geometries: stride, padding, image and kernel sizes, with rows left over and without, kernels of one pixel,
 * smaller than their stride, and padded by more than their stride.
 */
const windowsFor = ([a, b, c]: Sizes) =>
  [
    { stride: [1, 1], padding: [0, 0], image: [3 + a, 2 + b], kernel: [3, 2] },
    { stride: [2, 2], padding: [1, 1], image: [4 + 2 * a, 4 + 2 * b], kernel: [4, 4] },
    { stride: [2, 1], padding: [1, 0], image: [4 + a, 3 + c], kernel: [3, 3] },
    { stride: [3, 2], padding: [2, 1], image: [4 + b, 4 + c], kernel: [2, 3] },
    { stride: [1, 1], padding: [0, 0], image: [1 + a, b], kernel: [1, 1] },
    { stride: [1, 1], padding: [2, 1], image: [4 + a, 3 + c], kernel: [5, 3] },
    { stride: [2, 3], padding: [0, 1], image: [3 + c, 4 + b], kernel: [1, 2] },
    { stride: [2, 2], padding: [3, 2], image: [5 + c, 4 + b], kernel: [5, 4] },
  ] as const;

type Geometry = ReturnType<typeof windowsFor>[number];

const convolutions = (name: string, sizes: Sizes, build: (window: Geometry) => Omit<Case, 'name'>): Case[] =>
  windowsFor(sizes).map((window) => ({
    name: `${name} with stride ${window.stride}, padding ${window.padding}, kernel ${window.kernel}`,
    ...build(window),
  }));

const outputSize = ({ image, kernel, stride, padding }: Geometry) =>
  [0, 1].map((i) => Math.floor((image[i] + 2 * padding[i] - kernel[i]) / stride[i]) + 1);

const NONE: readonly number[] = [];

const table = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i % 2);

export function casesFor(sizes: Sizes): { readonly [P in Primitive]: readonly Case[] } {
  const [a, b, c] = sizes;
  const real = { shape: [a, b] } as const;
  const cube = { shape: [a, b, c] } as const;
  const away = { shape: [a, b], range: 'awayFromZero' } as const;
  const positive = { shape: [a, b], range: 'positive' } as const;
  const row = Float32Array.from({ length: b }, (_, i) => Math.sin(i + 1));
  return {
    constant: one('constant', real, (x) => x.mul(constant(row, [b])).add(constant(0.25))),
    input: one('inputs of every kind', real, (x) =>
      x
        .mul(parameter('weights', [b]))
        .add(data('bytes', [a, b], 'uint8').cast('float'))
        .add(noise('normal', { kind: 'standardNormal' }, [a, b]))
        .mul(noise('mask', { kind: 'bernoulli', probability: 0.5 }, [a, b]))
        .add(noise('uniform', { kind: 'uniform' }, [b])),
    ),
    neg: one('neg', real, (x) => x.neg()),
    exp: one('exp', real, (x) => x.exp()),
    log: one('log', positive, (x) => x.log()),
    sqrt: one('sqrt', positive, (x) => x.sqrt()),
    abs: one('abs', away, (x) => x.abs()),
    sign: [{ name: 'sign', inputs: [away], build: (x) => x.sign(), differentiable: NONE }],
    relu: one('relu', away, (x) => x.relu()),
    step: [{ name: 'step', inputs: [away], build: (x) => x.step(), differentiable: NONE }],
    elu: one('elu', away, (x) => x.elu()),
    sigmoid: one('sigmoid', real, (x) => x.sigmoid()),
    tanh: one('tanh', real, (x) => x.tanh()),
    softplus: one('softplus', real, (x) => x.softplus()),
    stopGradient: [
      { name: 'stopGradient', inputs: [real], build: (x) => x.stopGradient().exp(), differentiable: NONE },
    ],
    cast: [
      { name: 'cast of bytes', inputs: [{ shape: [a, b], dtype: 'uint8' }], build: (x) => x.cast('float').mul(0.5) },
      { name: 'cast of int32', inputs: [{ shape: [c], dtype: 'int32' }], build: (x) => x.cast('float') },
      { name: 'cast of bool', inputs: [away], build: (x) => x.greater(0).cast('float'), differentiable: NONE },
    ],
    add: binary('add', sizes, (x, y) => x.add(y)),
    sub: binary('sub', sizes, (x, y) => x.sub(y)),
    mul: binary('mul', sizes, (x, y) => x.mul(y)),
    div: binary('div', sizes, (x, y) => x.div(y), 'awayFromZero'),
    less: [
      { name: 'less', inputs: [real, { shape: [b] }], build: (x, y) => x.less(y).cast('float'), differentiable: NONE },
      {
        name: 'less of int32',
        inputs: [{ shape: [c], dtype: 'int32', range: { integersBelow: 3 } }],
        build: (x) => x.less(constant(Int32Array.of(1), [1], 'int32')).cast('float'),
      },
    ],
    equal: [
      {
        name: 'equal of int32',
        inputs: [{ shape: [c], dtype: 'int32', range: { integersBelow: 2 } }],
        build: (x) => x.equal(constant(table(c), [c], 'int32')).cast('float'),
      },
      {
        name: 'equal to itself',
        inputs: [real],
        build: (x) => x.equal(x.reshape(b, a).reshape(a, b)).cast('float'),
        differentiable: NONE,
      },
    ],
    where: [
      {
        name: 'where',
        inputs: [away, real, real],
        build: (condition, x, y) => condition.greater(0).where(x, y),
        differentiable: [1, 2],
      },
      {
        name: 'where with everything repeated',
        inputs: [{ shape: [a, 1], range: 'awayFromZero' }, { shape: [b] }, { shape: [] }],
        build: (condition, x, y) => condition.greater(0).where(x, y),
        differentiable: [1, 2],
      },
    ],
    matmul: [false, true].flatMap((transposeA) =>
      [false, true].map((transposeB) => ({
        name: `matmul${transposeA ? ', left transposed' : ''}${transposeB ? ', right transposed' : ''}`,
        inputs: [{ shape: transposeA ? [c, a] : [a, c] }, { shape: transposeB ? [b, c] : [c, b] }],
        build: (x: Tensor, y: Tensor) => x.matmul(y, { transposeA, transposeB }),
      })),
    ),
    convolve: convolutions('convolve', sizes, ({ stride, padding, image, kernel }) => ({
      inputs: [{ shape: [2, b, ...image] }, { shape: [a, b, ...kernel] }],
      build: (x, filter) => x.convolve(filter, { stride, padding }),
    })),
    convolveTransposed: convolutions('convolveTransposed', sizes, (window) => ({
      inputs: [{ shape: [2, a, ...outputSize(window)] }, { shape: [a, b, ...window.kernel] }],
      build: (y, filter) => y.convolveTransposed(filter, window.image, window),
    })),
    convolveFilter: convolutions('convolveFilter', sizes, (window) => ({
      inputs: [{ shape: [2, b, ...window.image] }, { shape: [2, a, ...outputSize(window)] }],
      build: (x, y) => operation('convolveFilter', [x, y], window),
    })),
    gather: [
      {
        name: 'gather of rows',
        inputs: [{ shape: [c, b] }, { shape: [c + 1], dtype: 'int32', range: { integersBelow: c } }],
        build: (x, indices) => x.gather(indices),
      },
      {
        name: 'gather of columns by a table',
        inputs: [{ shape: [a, c, 2] }, { shape: [2, b], dtype: 'int32', range: { integersBelow: c } }],
        build: (x, indices) => x.gather(indices, 1),
      },
      {
        name: 'gather of bytes',
        inputs: [
          { shape: [c, b], dtype: 'uint8' },
          { shape: [a], dtype: 'int32', range: { integersBelow: c } },
        ],
        build: (x, indices) => x.gather(indices).cast('float'),
      },
    ],
    scatterAdd: [
      {
        name: 'scatterAdd of rows, some twice',
        inputs: [{ shape: [2 * c, a] }, { shape: [2 * c], dtype: 'int32', range: { integersBelow: c } }],
        build: (y, indices) => operation('scatterAdd', [y, indices], { axis: 0, length: c + 1 }),
      },
      {
        name: 'scatterAdd along a middle axis by a table',
        inputs: [{ shape: [a, 2, b, 2] }, { shape: [2, b], dtype: 'int32', range: { integersBelow: c } }],
        build: (y, indices) => operation('scatterAdd', [y, indices], { axis: 1, length: c }),
      },
    ],
    sum: [
      ...one('sum of everything', real, (x) => x.sum()),
      ...one('sum of a middle axis', cube, (x) => x.sum(1)),
      ...one('sum of two axes, kept', cube, (x) => x.sum([0, -1], true)),
      ...one('mean', real, (x) => x.mean(-1)),
      ...one('sum of rows', real, (x) => x.sum(0)),
      {
        name: 'sum of Bernoulli log likelihoods',
        inputs: [{ shape: [a, 32] }, { shape: [c, a, 32] }],
        build: (x, logits) => x.mul(logits.mul(50)).sub(logits.mul(50).softplus()).sum(-1),
      },
    ],
    max: [
      ...one('max of everything', real, (x) => x.max()),
      ...one('max of an axis', cube, (x) => x.max(1)),
      ...one('max of two axes, kept', cube, (x) => x.max([0, 2], true)),
    ],
    logSumExp: [
      ...one('logSumExp of everything', real, (x) => x.logSumExp()),
      ...one('logSumExp of an axis', real, (x) => x.logSumExp(0)),
      ...one('logSumExp of two axes, kept', cube, (x) => x.logSumExp([1, 2], true)),
    ],
    reshape: one('reshape', real, (x) => x.reshape(b, -1)),
    transpose: [
      ...one('transpose', real, (x) => x.transpose()),
      ...one('transpose of three axes', cube, (x) => x.transpose(2, 0, 1)),
    ],
    broadcast: [
      ...one('broadcast', real, (x) => x.broadcastTo([c, a, b])),
      ...one('broadcast of a size of one', { shape: [a, 1] }, (x) => x.broadcastTo([a, b])),
    ],
    slice: [
      ...one('slice', { shape: [a, b + 2] }, (x) => x.slice(1, 1, b + 1)),
      ...one('split', { shape: [2 * a, b] }, (x) => x.split(2, 0)[1]),
    ],
    pad: one('pad', real, (x) => operation('pad', [x], { before: [1, 0], after: [0, 2] })),
    concat: [
      { name: 'concat', inputs: [real, { shape: [c, b] }], build: (x, y) => concat([x, y], 0) },
      { name: 'concat of three columns', inputs: [real, real, real], build: (x, y, z) => concat([x, y, z], -1) },
    ],
  };
}

/** The case's inputs as arguments `x0`, `x1`, ... */
export const caseArguments = ({ inputs }: Case): Tensor[] =>
  inputs.map(({ shape, dtype = 'float' }, i) => argument(`x${i}`, shape, dtype));
