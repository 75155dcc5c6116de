/** Optimisers: each an elementwise rule and the coefficients that its rule needs at a step. */

import { elementwiseUpdate, type Update } from '../tensor/program.ts';

export interface Optimiser {
  readonly update: Update;
  /** The rule's coefficients at the `step`-th update, counted from 1. */
  coefficients(step: number, learningRate: number): Readonly<Record<string, number>>;
}

export interface OptimiserOptions {
  /** Decay of the weights by learningRate × weightDecay at every step, apart from the gradient (adamw). */
  readonly weightDecay: number;
}

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

/**
 * Adam: Kingma & Ba (2015), algorithm 1, with the two bias corrections as coefficients:
 *   m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,
 *   θ ← (1 − decay)·θ − stepSize · m / (√v · rootCorrection + ε)
 * with stepSize = α / (1 − β₁ᵗ) and rootCorrection = 1 / √(1 − β₂ᵗ).
 * AdamW decouples the decay from the gradient: Loshchilov & Hutter (2019).
 */
function adamWith(weightDecay: number): Optimiser {
  const update = elementwiseUpdate(
    ['firstMoment', 'secondMoment'],
    ['stepSize', 'rootCorrection', 'retention'],
    ({ parameter, gradient, firstMoment, secondMoment, stepSize, rootCorrection, retention }) => {
      const m = firstMoment.mul(BETA_1).add(gradient.mul(1 - BETA_1));
      const v = secondMoment.mul(BETA_2).add(gradient.square().mul(1 - BETA_2));
      const change = m.mul(stepSize).div(v.sqrt().mul(rootCorrection).add(EPSILON));
      const kept = weightDecay === 0 ? parameter : parameter.mul(retention);
      return { parameter: kept.sub(change), firstMoment: m, secondMoment: v };
    },
  );
  return {
    update,
    coefficients: (step, learningRate) => ({
      stepSize: learningRate / (1 - BETA_1 ** step),
      rootCorrection: 1 / Math.sqrt(1 - BETA_2 ** step),
      retention: 1 - learningRate * weightDecay,
    }),
  };
}

export const optimisers = {
  adam: () => adamWith(0),
  adamw: ({ weightDecay }) => adamWith(weightDecay),
} as const satisfies Record<string, (options: OptimiserOptions) => Optimiser>;

export type OptimiserName = keyof typeof optimisers;
