/** The node that is named is the first that the result is spoilt by, on every engine that tests can have. */

import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram, elementwiseUpdate, formatProgram } from '../../src/tensor/program.ts';
import { argument, parameter, type Tensor } from '../../src/tensor/tensor.ts';
import { firstNonFinite, watch } from '../../src/training/finiteness.ts';

const engines = { onnx: await createOnnxEngine({ threads: 1 }), reference: createReferenceEngine() };
const update = elementwiseUpdate([], ['learningRate'], ({ parameter: p, gradient, learningRate }) => ({
  parameter: p.sub(gradient.mul(learningRate)),
}));

const x = argument('x', [2, 3]);
const weight = parameter('weight', [3, 2]);
const bias = parameter('bias', [2]);
const linear = x.matmul(weight).add(bias);

/** Trains the weights by a scalar function of the linear layer. */
const programOf = (loss: Tensor) => {
  const [weights, biases] = gradients(loss, [weight, bias]);
  return createProgram('training', { loss }, { gradients: { weight: weights, bias: biases }, update });
};

const ONES = Float32Array.of(1, 1, 1, 1, 1, 1);

for (const [name, engine] of Object.entries(engines)) {
  describe(`the first node that is not finite, on ${name}`, () => {
    const find = async (loss: Tensor, given: { x?: number; weight?: number; bias?: number }) => {
      const program = programOf(loss);
      const state = engine.allocate(
        [
          { name: 'weight', shape: weight.shape },
          { name: 'bias', shape: bias.shape },
        ],
        [],
      );
      state.write(
        'weight',
        ONES.map((one) => one * (given.weight ?? 1)),
      );
      state.write('bias', [given.bias ?? 0, 0]);
      const executable = await engine.compile(watch(program), { state, data: {} });
      const results = await executable.run({ arguments: { x: ONES.map((one) => one * (given.x ?? 1)) } });
      const found = firstNonFinite(program, results);
      await executable.release();
      expect(state.read('bias')[0]).toBe(Math.fround(given.bias ?? 0));
      return { program, found };
    };

    it('is none where all are finite', async () => {
      expect((await find(linear.exp().sum(), {})).found).toBeUndefined();
    });

    it('is where the overflow is, and not where it ends', async () => {
      const { program, found } = await find(linear.exp().sum().log().mul(2), { x: 300 });
      expect(found).toMatchObject({
        node: { words: 'exp(add) of [2, 2]', primitive: 'exp', shape: [2, 2], pass: 'forward' },
        parameter: { what: 'gradient' },
      });
      expect(formatProgram(program)).toContain(found!.node.line);
      expect(found!.node.line).toMatch(/^%\d+ = exp\(%\d+\) : float\[2, 2\]$/);
    });

    it('is in the backward pass where the loss is finite', async () => {
      // √0 = 0, with an infinite slope.
      const { found } = await find(linear.sqrt().sum(), { x: 0 });
      expect(found).toMatchObject({ node: { words: 'div(0.5, sqrt) of [2, 2]', pass: 'backward' } });
    });

    it('is the gradient of a parameter by its name', async () => {
      // Only the product with x overflows: 3e38 · (1 + 1).
      const { found } = await find(linear.mul(1e-30).sum().mul(1e30), { x: 3e38, weight: 0 });
      expect(found).toMatchObject({ parameter: { name: 'weight', what: 'gradient' }, node: { pass: 'backward' } });
    });

    it('is the parameter where that is not finite', async () => {
      const { found } = await find(linear.sum(), { bias: Number.NaN });
      expect(found).toMatchObject({
        node: { words: 'the parameter "bias"', line: expect.stringContaining('= parameter "bias" : float[2]') },
        parameter: { name: 'bias', what: 'value' },
      });
    });

    it('is not an infinity that a later node makes finite again', async () => {
      const tamed = linear.exp().add(1);
      const loss = x.sum().mul(0).add(linear.mul(0).sum()).add(bias.sum().log());
      const { found } = await find(loss.add(tamed.stopGradient().sum().mul(-1).exp()), { x: 300, bias: -1 });
      expect(found?.node.words).toMatch(/^log\(/);
    });
  });
}
