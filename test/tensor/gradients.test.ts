import { describe, expect, it } from 'vitest';
import { evaluate, type Values } from '../../src/engines/reference/kernels.ts';
import { fillNoise } from '../../src/random/random.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import type { NumericArray } from '../../src/tensor/primitives.ts';
import { sourceName } from '../../src/tensor/program.ts';
import { simplify } from '../../src/tensor/simplify.ts';
import { argument, constant, type Tensor, topologicalOrder } from '../../src/tensor/tensor.ts';
import { type Case, caseArguments, casesFor } from '../engines/cases.ts';
import { caseValues } from '../engines/values.ts';

const CASES = casesFor([2, 3, 4]);
const ALL_CASES = Object.values(CASES).flat();

/** A node's value in 64-bit floats, the leaves that are not arguments fixed. */
function computed(root: Tensor, given: Record<string, NumericArray>): Float64Array {
  const values = evaluate(topologicalOrder([root]), (source, node): Values => {
    const name = sourceName(source);
    if (source.kind === 'argument') return given[name];
    const random = new Float32Array(node.size);
    fillNoise(random, { kind: 'uniform' }, { seed: 3, stream: name, step: 0 });
    return Float64Array.from(random);
  });
  return Float64Array.from(values.get(root)!);
}

/** A scalar that depends on every value of the result, each with a weight of its own, and not linearly. */
function scalarise(result: Tensor): Tensor {
  const weights = Float64Array.from({ length: result.size }, (_, i) => Math.cos(1 + i));
  return result.mul(constant(weights, result.shape)).add(result.square().mul(0.1)).sum();
}

const STEP = 1e-5;

function centralDifferences(loss: Tensor, given: Record<string, NumericArray>, name: string): Float64Array {
  return Float64Array.from(given[name], (value, i) => {
    const at = (shifted: number) => {
      const values = Float64Array.from(given[name]);
      values[i] = shifted;
      return computed(loss, { ...given, [name]: values })[0];
    };
    return (at(value + STEP) - at(value - STEP)) / (2 * STEP);
  });
}

function expectClose(actual: Float64Array, expected: Float64Array): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value - expected[i])).toBeLessThan(1e-7 * Math.max(1, Math.abs(expected[i])));
  });
}

const differentiableInputs = ({ inputs, differentiable }: Case): readonly number[] =>
  differentiable ?? inputs.flatMap(({ dtype = 'float' }, i) => (dtype === 'float' ? [i] : []));

describe('every primitive has a case', () => {
  for (const [primitive, cases] of Object.entries(CASES)) {
    it(primitive, () => {
      const used = cases.flatMap((one) => topologicalOrder([one.build(...caseArguments(one))]).map((n) => n.primitive));
      expect(used).toContain(primitive);
    });
  }
});

describe('derivatives equal central differences', () => {
  for (const one of ALL_CASES) {
    it(one.name, () => {
      const inputs = caseArguments(one);
      const given = caseValues(one);
      const loss = scalarise(one.build(...inputs));
      const chosen = differentiableInputs(one);
      const derived = gradients(
        loss,
        inputs.filter(({ dtype }) => dtype === 'float'),
      );
      const floats = inputs.flatMap(({ dtype }, i) => (dtype === 'float' ? [i] : []));
      floats.forEach((input, i) => {
        const expected = chosen.includes(input)
          ? centralDifferences(loss, given, `x${input}`)
          : new Float64Array(inputs[input].size);
        expectClose(computed(derived[i], given), expected);
        // What an engine compiles is the simplified expression.
        expectClose(computed(simplify([derived[i]])[0], given), expected);
      });
    });
  }
});

describe('derivatives of derivatives equal central differences of derivatives', () => {
  for (const one of ALL_CASES.filter((candidate) => differentiableInputs(candidate).length > 0)) {
    it(one.name, () => {
      const inputs = caseArguments(one);
      const given = caseValues(one);
      const [first] = differentiableInputs(one);
      const [derivative] = gradients(scalarise(one.build(...inputs)), [inputs[first]]);
      const loss = scalarise(derivative);
      const [second] = gradients(loss, [inputs[first]]);
      expectClose(computed(second, given), centralDifferences(loss, given, `x${first}`));
    });
  }
});

describe('gradients', () => {
  it('are zero for what the loss does not depend on', () => {
    const [x, y] = [argument('x', [2]), argument('y', [3])];
    const [unrelated] = gradients(x.sum(), [y]);
    expect([...computed(unrelated, {})]).toEqual([0, 0, 0]);
  });

  it('add up over every use', () => {
    const x = argument('x', [2]);
    const [derivative] = gradients(x.mul(x).add(x.exp()).add(x).sum(), [x]);
    const values = Float64Array.of(0.5, -1);
    expectClose(
      computed(derivative, { x: values }),
      values.map((v) => 2 * v + Math.exp(v) + 1),
    );
  });

  it('may be taken by a tensor that is itself computed', () => {
    const x = argument('x', [2]);
    const y = x.exp();
    const [derivative] = gradients(y.square().sum(), [y]);
    const values = Float64Array.of(0.5, -1);
    expectClose(
      computed(derivative, { x: values }),
      values.map((v) => 2 * Math.exp(v)),
    );
  });

  it('are shared equally among equal maxima', () => {
    const x = argument('x', [3]);
    const [derivative] = gradients(x.max(), [x]);
    expect([...computed(derivative, { x: Float64Array.of(2, 1, 2) })]).toEqual([0.5, 0, 0.5]);
  });

  it('need a scalar', () => {
    const x = argument('x', [2]);
    expect(() => gradients(x, [x])).toThrow('gradients: expected a scalar loss, got [2]');
  });

  it('of relu and elu at zero are those of the left and finite', () => {
    const x = argument('x', [1]);
    const at = (loss: Tensor) => computed(gradients(loss, [x])[0], { x: Float64Array.of(0) })[0];
    expect(at(x.relu().sum())).toBe(0);
    expect(at(x.elu().sum())).toBe(1);
  });
});
