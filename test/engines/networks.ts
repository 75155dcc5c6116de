/** An update that uses every kind of operation that an engine's update may: two moments, a root, a choice. */

import { elementwiseUpdate } from '../../src/tensor/program.ts';

export const adamLike = elementwiseUpdate(
  ['firstMoment', 'secondMoment'],
  ['learningRate'],
  ({ parameter, gradient, firstMoment, secondMoment, learningRate }) => {
    const m = firstMoment.mul(0.9).add(gradient.mul(0.1));
    const v = secondMoment.mul(0.99).add(gradient.square().mul(0.01));
    const scaled = m.mul(learningRate).div(v.sqrt().add(1e-3));
    // Steps downwards are halved, and shrunk where the parameter is small.
    const change = scaled.less(0).where(scaled.mul(0.5), scaled.mul(parameter.abs().sub(0.1).step().mul(0.5).add(0.5)));
    return { parameter: parameter.sub(change), firstMoment: m, secondMoment: v };
  },
);
