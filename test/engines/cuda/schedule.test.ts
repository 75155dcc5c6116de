/** What becomes one kernel, as the schedule says it. */

import { describe, expect, it } from 'vitest';
import { schedule } from '../../../src/engines/cuda/schedule.ts';
import { formatSchedule } from '../../../src/engines/cuda/schedule-text.ts';
import { gradients } from '../../../src/tensor/gradients.ts';
import { createProgram } from '../../../src/tensor/program.ts';
import { argument, data, noise, parameter, type Tensor } from '../../../src/tensor/tensor.ts';
import { adamLike } from '../networks.ts';

const dump = (outputs: Record<string, Tensor>): string[] =>
  formatSchedule(schedule(createProgram('test', outputs))).split('\n');

describe('a schedule', () => {
  it('computes what is elementwise, repeated, gathered and drawn in one kernel', () => {
    const x = data('images', [10, 4], 'uint8')
      .gather(argument('indices', [3], 'int32'))
      .cast('float')
      .mul(1 / 255)
      .add(parameter('bias', [4]));
    const value = x.mul(noise('mask', { kind: 'bernoulli', probability: 0.9 }, [3, 4])).tanh();
    expect(dump({ value })).toEqual([
      'schedule test: 0 products, 1 kernels',
      '   1 map 1×32       %0 [3, 4] = tanh(mul(add(mul(cast(gather(images, indices)), 0.003922), bias), noise "mask"))',
      'gives',
      '  value = %0',
    ]);
  });

  it('reduces what it computes on the way, stores what else is needed of it, and goes on with the result', () => {
    const x = argument('x', [8, 100]).add(1);
    const weights = parameter('w', [100, 5]);
    const mean = x.square().sum(1).mul(0.01);
    expect(dump({ product: x.matmul(weights), mean })).toEqual([
      'schedule test: 1 products, 1 kernels',
      '   1 reduce 1×256   %0 [8, 100] = add(x, 1)',
      '                    %1 [8] = sum(mul(%0, %0)) over 1',
      '                    %2 [8] = mul(%1, 0.01)',
      '   2 product        %3 [8, 5] = %0 × w',
      'gives',
      '  product = %3',
      '  mean = %2',
    ]);
  });

  it('takes sums of one shape over one axis in one kernel, and a sum of them in the next', () => {
    const [a, b] = [argument('a', [64, 20]), argument('b', [64, 20])];
    const rows = a.sum(1).add(b.square().sum(1));
    expect(dump({ rows, mean: rows.mean() })).toEqual([
      'schedule test: 0 products, 2 kernels',
      '   1 reduce 2×256   %0 [64] = sum(a) over 1',
      '                    %1 [64] = sum(mul(b, b)) over 1',
      '                    %2 [64] = add(%0, %1)',
      '   2 reduce 1×16    %3 [] = sum(%2) over 0',
      '                    %4 [] = mul(%3, 0.01563)',
      'gives',
      '  rows = %2',
      '  mean = %4',
    ]);
  });

  it('cuts a long sum into pieces', () => {
    const lines = dump({ sum: argument('x', [1000, 1000]).sum() });
    expect(lines.slice(1, 3)).toEqual([
      '   1 reduce_pieces 264×256 pieces',
      '   2 reduce_joined 1×128 %0 [] = sum(x) over 0,1',
    ]);
  });

  it('gives each result a place of its own, also where it is in memory already or is another result too', () => {
    const p = parameter('p', [3]);
    const sum = p.add(1);
    const { outputs, steps } = schedule(createProgram('test', { p, again: p, sum, twice: sum }));
    expect(new Set(Object.values(outputs)).size).toBe(4);
    expect(new Set(steps.flatMap(({ written }) => [...written]))).toEqual(new Set(Object.values(outputs)));
  });

  it('runs a step of a dense layer in as many kernels as the products leave between them', () => {
    const [weight, bias] = [parameter('weight', [50, 40]), parameter('bias', [50])];
    const x = argument('x', [32, 40]);
    const hidden = x.matmul(weight, { transposeB: true }).add(bias).elu();
    const error = hidden.matmul(weight).sub(x);
    const loss = error.square().sum(1).mean();
    const [byWeight, byBias] = gradients(loss, [weight, bias]);
    const program = createProgram(
      'step',
      { loss },
      { gradients: { weight: byWeight, bias: byBias }, update: adamLike },
    );
    const plan = schedule(program);
    const kinds = plan.steps.map((step) => (step.kind === 'product' ? 'product' : step.group.kind));
    expect(kinds.filter((kind) => kind === 'product')).toHaveLength(5);
    // elu; the error with its sum; the sum of sums; elu's derivative with the bias's; the weight's two parts.
    expect(kinds.filter((kind) => kind !== 'product')).toHaveLength(5);
  });

  it('keeps a value that many read elsewhere and that is dear, and computes again what is cheap', () => {
    const dear = argument('x', [512, 512]).tanh().exp().log();
    const kernels = (spread: number) => {
      const wide = dear.reshape(512 * 512, 1).broadcastTo([512 * 512, spread]);
      return dump({
        sum: wide
          .add(argument('y', [1, spread]))
          .abs()
          .sum(1),
      })[0];
    };
    expect(kernels(2)).toBe('schedule test: 0 products, 1 kernels');
    expect(kernels(64)).toBe('schedule test: 0 products, 2 kernels');
  });

  it('has no kernel of more arguments than a kernel may have', () => {
    // One sum for each parameter, which all gradients are divided by.
    const weights = Array.from({ length: 1000 }, (_, i) => parameter(`w${i}`, [8]));
    const norm = weights.map((w) => w.square().sum()).reduce((sum, square) => sum.add(square));
    const scaled = weights.map((w, i) => [`w${i}`, w.mul(norm)] as const);
    const { steps } = schedule(createProgram('clipped', Object.fromEntries(scaled)));
    for (const { operands } of steps) expect(operands.length).toBeLessThanOrEqual(512);
    expect(steps.length).toBeLessThan(200);
  });
});
