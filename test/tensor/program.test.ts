import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram, formatProgram, multiplyAdds } from '../../src/tensor/program.ts';
import { simplify } from '../../src/tensor/simplify.ts';
import {
  argument,
  constant,
  data,
  noise,
  operation,
  parameter,
  type Tensor,
  topologicalOrder,
} from '../../src/tensor/tensor.ts';

const x = argument('x', [2, 3]);
const primitives = (node: Tensor): string[] => topologicalOrder(simplify([node])).map(({ primitive }) => primitive);

describe('shape errors come while a program is built', () => {
  const cases: readonly (readonly [string, () => unknown, string])[] = [
    ['matmul', () => x.matmul(x), 'matmul: inner sizes differ in [2, 3] × [2, 3]'],
    ['matmul, transposed', () => x.matmul(argument('y', [4, 5]), { transposeB: true }), '[2, 3] × [4, 5]ᵀ'],
    ['matmul of vectors', () => argument('v', [3]).matmul(x), 'matmul: expected a matrix with 2 axes, got [3]'],
    [
      'arithmetic on bytes',
      () => argument('b', [2], 'uint8').add(1),
      'add: expected float operands, got uint8; cast it first',
    ],
    ['comparison of unlike types', () => x.less(argument('i', [3], 'int32')), 'less: cannot compare float with int32'],
    ['where without a condition', () => x.where(1, 2), 'where: expected a bool condition, got float'],
    ['gather by floats', () => x.gather(x), 'gather: expected int32 indices, got float'],
    ['slice', () => x.slice(1, 2, 5), 'slice: [0, 2] to [2, 5] is not inside [2, 3]'],
    ['split', () => x.split(2, 1), 'split: axis 1 of [2, 3] is not divisible by 2'],
    ['transpose', () => x.transpose(0, 0), 'transpose: [0, 0] does not permute the axes of [2, 3]'],
    ['broadcast', () => x.broadcastTo([2, 4]), 'broadcast: [2, 3] and [2, 4] do not broadcast'],
    ['broadcast to fewer axes', () => x.broadcastTo([3]), 'broadcast: [2, 3] cannot be repeated to [3]'],
    [
      'convolution of wrong channels',
      () => argument('i', [1, 3, 8, 8]).convolve(argument('f', [4, 2, 3, 3])),
      'channels differ',
    ],
    [
      'convolution of small images',
      () => argument('i', [1, 1, 2, 2]).convolve(argument('f', [1, 1, 3, 3])),
      'larger than the padded images',
    ],
    [
      'transposed convolution to an impossible size',
      () => argument('i', [1, 1, 2, 2]).convolveTransposed(argument('f', [1, 1, 3, 3]), [9, 9]),
      'expected an output side of 7',
    ],
    ['constant', () => constant(Float32Array.of(1, 2), [3]), 'constant: 2 values do not fill [3]'],
    ['padding', () => operation('pad', [x], { before: [0], after: [0] }), 'pad: cannot pad [2, 3] by [0] and [0]'],
  ];
  for (const [name, build, message] of cases) it(name, () => expect(build).toThrow(message));
});

describe('simplification', () => {
  it('computes equal expressions once', () => {
    expect(primitives(x.exp().add(x.exp().mul(2))).filter((primitive) => primitive === 'exp')).toHaveLength(1);
  });
  it('keeps noise of two streams apart, and noise of one stream together', () => {
    const normal = (stream: string) => noise(stream, { kind: 'standardNormal' }, [2]);
    expect(primitives(normal('a').exp().mul(normal('b').exp())).filter((p) => p === 'input')).toHaveLength(2);
    expect(primitives(normal('a').exp().mul(normal('a').tanh())).filter((p) => p === 'input')).toHaveLength(1);
  });
  it('drops what changes nothing', () => {
    expect(primitives(x.mul(1).add(0).reshape(6).reshape(2, 3).transpose().transpose())).toEqual(['input']);
  });
  it('reads a transposed operand transposed', () => {
    expect(primitives(x.transpose().matmul(x))).toEqual(['input', 'matmul']);
  });
  it('does not repeat what broadcasts anyway', () => {
    expect(primitives(argument('row', [3]).broadcastTo([2, 3]).mul(x))).not.toContain('broadcast');
  });
  it('takes a constant out of a sum', () => {
    const [sum] = simplify([x.mul(0.5).sum()]);
    expect(sum.primitive).toBe('mul');
    expect(sum.inputs[0].primitive).toBe('sum');
  });
  it('takes a factor that does not vary out of a sum', () => {
    const column = argument('column', [2, 1]);
    expect(primitives(x.mul(column).sum(1))).toEqual(['input', 'sum', 'input', 'mul', 'reshape']);
    expect(primitives(x.div(column).sum(1, true))).toEqual(['input', 'sum', 'input', 'div']);
    expect(primitives(x.mul(column).sum(0))).toEqual(['input', 'input', 'mul', 'sum']);
  });
  it('moves axes of size 1 without moving values', () => {
    expect(primitives(argument('i', [4, 1, 3, 2]).transpose(0, 2, 3, 1))).toEqual(['input', 'reshape']);
  });
  it('does not take apart for one user what another needs whole', () => {
    const scaled = x.mul(0.5);
    const roots = simplify([scaled.exp(), scaled.mul(argument('y', [2, 3]))]);
    expect(topologicalOrder(roots).filter(({ primitive }) => primitive === 'mul')).toHaveLength(2);
  });
  it('joins the two halves of a split gradient', () => {
    const [left, right] = argument('h', [2, 4]).split(2, 1);
    const h = left.inputs[0];
    const [derivative] = gradients(left.exp().add(right.tanh()).sum(), [h]);
    expect(primitives(derivative)).not.toContain('pad');
    expect(primitives(derivative)).toContain('concat');
  });
});

describe('a program', () => {
  const w = parameter('w', [4, 3]);
  const loss = x.matmul(w, { transposeB: true }).relu().sum();

  it('prints as readable text', () => {
    const [derivative] = gradients(loss, [w]);
    const program = createProgram('example', { loss, derivative });
    expect(formatProgram(program)).toBe(
      [
        'program example',
        '  %0 = argument "x" : float[2, 3]',
        '  %1 = parameter "w" : float[4, 3]',
        '  %2 = matmul(%0, %1) transposeA=false transposeB=true : float[2, 4]',
        '  %3 = relu(%2) : float[2, 4]',
        '  %4 = sum(%3) axes=[0,1] keep=false : float[]',
        '  %5 = step(%3) : float[2, 4]',
        '  %6 = matmul(%5, %0) transposeA=true transposeB=false : float[4, 3]',
        'gives',
        '  loss = %4',
        '  derivative = %6',
      ].join('\n'),
    );
  });

  it('counts the work of its products', () => {
    expect(multiplyAdds(createProgram('count', { loss }))).toBe(2 * 3 * 4);
    const images = argument('images', [2, 3, 8, 8]);
    const convolved = images.convolve(argument('filter', [5, 3, 4, 4]), { stride: [2, 2], padding: [1, 1] });
    expect(multiplyAdds(createProgram('count', { convolved }))).toBe(2 * 5 * 4 * 4 * 3 * 4 * 4);
  });

  it('has one tensor for a name', () => {
    const clash = () =>
      createProgram('clash', {
        sum: data('d', [2], 'float')
          .sum()
          .add(data('d', [3], 'float').sum()),
      });
    expect(clash).toThrow('program clash: data "d" is used as float[2] and float[3]');
  });
});
