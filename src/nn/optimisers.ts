/** Optimisers: each an elementwise rule and the coefficients that its rule needs at a step. */

import { elementwiseUpdate, type Update } from '../tensor/program.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface Optimiser {
  readonly update: Update;
  /** The rule's coefficients at the `step`-th update, counted from 1. */
  coefficients(step: number, learningRate: number): Readonly<Record<string, number>>;
}

export interface OptimiserOptions {
  /** Decay of the weights by learningRate × weightDecay at every step, apart from the gradient. 0 by default. */
  readonly weightDecay?: number;
  /** How much of the last change the next one keeps, at least 0 and less than 1. 0 by default. */
  readonly momentum?: number;
  /** Added to the denominator of a step. 1e-8 by default. */
  readonly epsilon?: number;
  /** rmsprop: divide by the gradient's standard deviation, not by its root mean square. true by default. */
  readonly centred?: boolean;
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
function adamWith(weightDecay: number, epsilon = EPSILON): Optimiser {
  const update = elementwiseUpdate(
    ['firstMoment', 'secondMoment'],
    ['stepSize', 'rootCorrection', 'retention'],
    ({ parameter, gradient, firstMoment, secondMoment, stepSize, rootCorrection, retention }) => {
      const m = firstMoment.mul(BETA_1).add(gradient.mul(1 - BETA_1));
      const v = secondMoment.mul(BETA_2).add(gradient.square().mul(1 - BETA_2));
      const change = m.mul(stepSize).div(v.sqrt().mul(rootCorrection).add(epsilon));
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

/**
 * Adamax: Kingma & Ba (2015), algorithm 2. Where Adam has the root mean square of the gradient, it has a fading maximum:
 *   m ← β₁m + (1 − β₁)g,  u ← max(β₂u, |g| + ε),  θ ← θ − stepSize · m / u
 * with stepSize = α / (1 − β₁ᵗ). ε is where PyTorch has it: u is never 0, not even where every gradient is.
 */
function adamaxWith(epsilon = EPSILON): Optimiser {
  const update = elementwiseUpdate(
    ['firstMoment', 'infinityNorm'],
    ['stepSize'],
    ({ parameter, gradient, firstMoment, infinityNorm, stepSize }) => {
      const m = firstMoment.mul(BETA_1).add(gradient.mul(1 - BETA_1));
      const faded = infinityNorm.mul(BETA_2);
      const u = gradient.abs().add(epsilon).sub(faded).relu().add(faded); // max(β₂u, |g| + ε)
      return { parameter: parameter.sub(m.mul(stepSize).div(u)), firstMoment: m, infinityNorm: u };
    },
  );
  return { update, coefficients: (step, learningRate) => ({ stepSize: learningRate / (1 - BETA_1 ** step) }) };
}

/** What one position has: its parameter and gradient, and the moments and coefficients by name. */
type At = Readonly<Record<string, Tensor>>;

const velocityOf = (momentum: number): readonly string[] => (momentum === 0 ? [] : ['velocity']);

/** Takes a step along d: u ← μu + d, θ ← θ − αu, as PyTorch does: the velocity u knows no learning rate. */
function descend({ parameter, velocity, learningRate }: At, direction: Tensor, momentum: number): At {
  if (momentum === 0) return { parameter: parameter.sub(direction.mul(learningRate)) };
  const u = velocity.mul(momentum).add(direction);
  return { parameter: parameter.sub(u.mul(learningRate)), velocity: u };
}

/** Stochastic gradient descent with momentum: Sutskever et al. (2013), without Nesterov's. */
function sgdWith(momentum: number): Optimiser {
  const update = elementwiseUpdate(velocityOf(momentum), ['learningRate'], (at: At) =>
    descend(at, at.gradient, momentum),
  );
  return { update, coefficients: (_, learningRate) => ({ learningRate }) };
}

const ALPHA = 0.99;
/** What of v − m² may be rounding in 32 bits. */
const ROUNDING = 1e-6;

/**
 * RMSprop: Tieleman & Hinton (2012); centred: Graves (2013), eq. 38 to 40, in PyTorch's form:
 *   v ← αv + (1 − α)g²,  m ← αm + (1 − α)g,  d = g / (√(v − m²) + ε)
 * or, not centred, d = g / (√v + ε). A variance below the rounding of its terms is no more known to be positive than to
 * be zero, so it counts as at least 10⁻⁶ v: a step has no NaN, nor a length of 1/ε.
 */
function rmspropWith(momentum: number, centred: boolean, epsilon = EPSILON): Optimiser {
  const moments = ['secondMoment', ...(centred ? ['firstMoment'] : []), ...velocityOf(momentum)];
  const update = elementwiseUpdate(moments, ['learningRate'], (at: At) => {
    const { gradient, firstMoment, secondMoment } = at;
    const v = secondMoment.mul(ALPHA).add(gradient.square().mul(1 - ALPHA));
    if (!centred) return { ...descend(at, gradient.div(v.sqrt().add(epsilon)), momentum), secondMoment: v };
    const m = firstMoment.mul(ALPHA).add(gradient.mul(1 - ALPHA));
    const least = v.mul(ROUNDING);
    const variance = v.sub(m.square()).sub(least).relu().add(least); // max(v − m², least)
    const direction = gradient.div(variance.sqrt().add(epsilon));
    return { ...descend(at, direction, momentum), secondMoment: v, firstMoment: m };
  });
  return { update, coefficients: (_, learningRate) => ({ learningRate }) };
}

interface OptimiserRow {
  /** Settings that it reads, beside the learning rate. */
  readonly uses: readonly (keyof OptimiserOptions)[];
  readonly create: (options?: OptimiserOptions) => Optimiser;
}

export const optimisers = {
  adam: { uses: ['epsilon'], create: ({ epsilon } = {}) => adamWith(0, epsilon) },
  adamw: {
    uses: ['weightDecay', 'epsilon'],
    create: ({ weightDecay = 0, epsilon } = {}) => adamWith(weightDecay, epsilon),
  },
  adamax: { uses: ['epsilon'], create: ({ epsilon } = {}) => adamaxWith(epsilon) },
  rmsprop: {
    uses: ['momentum', 'epsilon'],
    create: ({ momentum = 0, centred = true, epsilon } = {}) => rmspropWith(momentum, centred, epsilon),
  },
  sgd: { uses: ['momentum'], create: ({ momentum = 0 } = {}) => sgdWith(momentum) },
} as const satisfies Record<string, OptimiserRow>;

export type OptimiserName = keyof typeof optimisers;
