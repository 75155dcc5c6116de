/** A damaged program of every sort is found: each damage is done by hand to one that is whole. */

import { describe, expect, it } from 'vitest';
import type { Attributes, Primitive } from '../../src/tensor/primitives.ts';
import type { Program, Update } from '../../src/tensor/program.ts';
import { argument, constant, noise, parameter, Tensor } from '../../src/tensor/tensor.ts';
import { verify } from '../../src/tensor/verify.ts';

const x = argument('x', [2, 3]);
const w = parameter('w', [3]);
const sum = x.mul(w).sum();

const program = (outputs: Record<string, Tensor>, rest: Partial<Program> = {}): Program => ({
  name: 'test',
  outputs,
  gradients: {},
  ...rest,
});

/** A node with another's parts but for those that are given, as no operation would make it. */
const damaged = (
  node: Tensor,
  change: {
    readonly primitive?: Primitive;
    readonly inputs?: readonly (Tensor | undefined)[];
    readonly attributes?: Attributes[Primitive];
    readonly shape?: readonly number[];
    readonly dtype?: 'bool' | 'float';
  },
): Tensor => {
  const { primitive, inputs, attributes, shape, dtype } = { ...node, ...change };
  return new Tensor(primitive, inputs as Tensor[], attributes, { shape, dtype });
};

const update = (change: Partial<Update>): Partial<Program> => ({
  update: { moments: [], coefficients: [], values: { parameter: argument('parameter', []).neg() }, ...change },
});

describe('verify', () => {
  it('accepts what is whole', () => {
    expect(() => verify(program({ sum }, { gradients: { w: x.sum(0) }, ...update({}) }))).not.toThrow();
  });

  const cycle = () => {
    const inputs = [x];
    const node = damaged(x.exp(), { inputs });
    inputs[0] = node.neg();
    return node;
  };
  const cases: readonly (readonly [string, Program, string])[] = [
    [
      'a shape that is not that of its operands',
      program({ y: damaged(sum, { shape: [2] }) }),
      'program test: sum of float[2] should be float[]',
    ],
    [
      'a shape that is wrong below the result',
      program({ y: damaged(x.exp(), { shape: [3, 2] }).reshape(6) }),
      'exp of float[3, 2] should be float[2, 3]',
    ],
    [
      'a type that is not that of its operands',
      program({ y: damaged(x.less(0), { dtype: 'float' }) }),
      'less of float[2, 3] should be bool[2, 3]',
    ],
    [
      'operands that do not fit',
      program({ y: damaged(x.add(w), { inputs: [x, argument('v', [4])] }) }),
      'add of float[2, 3] add: [2, 3] and [4] do not broadcast to one shape',
    ],
    ['a cycle', program({ y: cycle() }), 'depends on itself'],
    [
      'an operand that was lost',
      program({ y: damaged(x.exp(), { inputs: [undefined] }) }),
      'exp of float[2, 3] has an operand undefined, which is no tensor',
    ],
    [
      'a result that was lost',
      program({ y: undefined as unknown as Tensor }),
      'program test: a result is undefined, which is no tensor',
    ],
    [
      'a constant of too few values',
      program({ y: damaged(constant(1), { shape: [2] }) }),
      'constant of float[2] holds a Float64Array of 1 values',
    ],
    [
      'a constant that is held as another type',
      program({ y: damaged(constant(1), { dtype: 'bool' }) }),
      'constant of bool[] holds a Float64Array of 1 values',
    ],
    ['a parameter of bools', program({ y: damaged(w, { dtype: 'bool' }) }), 'input of bool[3] should be float[3]'],
    [
      'an input of two shapes',
      program({ a: argument('x', [2]), b: argument('x', [3]) }),
      'argument "x" is used as float[2] and float[3]',
    ],
    [
      'an input of two types',
      program({ a: argument('x', [2]), b: argument('x', [2], 'int32') }),
      'argument "x" is used as float[2] and int32[2]',
    ],
    [
      'one stream of two distributions',
      program({
        a: noise('n', { kind: 'uniform' }, [2]),
        b: noise('n', { kind: 'bernoulli', probability: 0.5 }, [2]),
      }),
      'noise "n" is used as uniform float[2] and bernoulli(0.5) float[2]',
    ],
    [
      'a gradient that does not fit its parameter',
      program({ sum }, { gradients: { w: x } }),
      'expected a gradient of [3] for "w", got [2, 3]',
    ],
    [
      'an update of whole tensors',
      program({ sum }, update({ values: { parameter: argument('parameter', [3]) } })),
      'the update of program test: input of float[3] is no scalar',
    ],
    [
      'an update that is not elementwise',
      program({ sum }, update({ values: { parameter: argument('parameter', []).sum() } })),
      'sum of float[] is not elementwise',
    ],
    [
      'an update that reads what it is not given',
      program({ sum }, update({ values: { parameter: argument('rate', []) } })),
      'reads "rate", which it is not given',
    ],
    [
      'an update that forgets a moment',
      program({ sum }, update({ moments: ['m'] })),
      'expected values of m, parameter, got parameter',
    ],
    [
      'an update of a wrong type inside',
      program({ sum }, update({ values: { parameter: damaged(argument('parameter', []).neg(), { dtype: 'bool' }) } })),
      'neg of bool[] should be float[]',
    ],
  ];
  it.each(cases)('finds %s', (_, broken, message) => {
    expect(() => verify(broken)).toThrow(message);
  });
});
