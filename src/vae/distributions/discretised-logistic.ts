/**
 * The logistic distribution discretised to the 256 values of a byte, and its mixture: true log probabilities of 8-bit
 * pixels. Kingma et al. (2016), eq. 16; Salimans et al. (2017), section 2.
 */

import { sizeOf } from '../../tensor/shape.ts';
import { concat, type Tensor } from '../../tensor/tensor.ts';
import type { Distribution } from './distribution.ts';
import { log1mexp, logSigmoid } from './stable.ts';

/** On the scale from −1 to 1 that means and scales are given on: half the distance of two neighbouring bytes. */
const HALF_BIN = 1 / 255;
/** Scales are at least e⁻⁷, about an eighth of a bin: below that a mean between two bytes loses its derivative. */
export const LEAST_LOG_SCALE = -7;

/** Where a pixel of either range lies between −1 and 1, and back. */
export interface PixelScale {
  readonly low: number;
  readonly high: number;
}

const toSigned = (x: Tensor, { low, high }: PixelScale): Tensor => x.sub((low + high) / 2).mul(2 / (high - low));
const fromSigned = (u: Tensor, { low, high }: PixelScale): Tensor => u.mul((high - low) / 2).add((low + high) / 2);

/**
 * log P(u) for a byte at u ∈ {−1, …, 1}, of a logistic with mean μ and scale s, elementwise, in nats:
 *   log [σ(a) − σ(b)] = log σ(a) + log σ(−b) + log(1 − e^(b−a)),  a, b = (u − μ ± h) / s,
 * without log σ(−b) and the last term at the lowest byte, whose bin reaches to −∞, and without log σ(a) and the last at
 * the highest. No difference of near numbers is taken.
 */
function logMass(u: Tensor, mean: Tensor, rawLogScale: Tensor): Tensor {
  const logScale = rawLogScale.sub(LEAST_LOG_SCALE).relu().add(LEAST_LOG_SCALE);
  const inverseScale = logScale.neg().exp();
  const error = u.sub(mean);
  const upper = logSigmoid(error.add(HALF_BIN).mul(inverseScale));
  const lower = logSigmoid(error.sub(HALF_BIN).mul(inverseScale).neg());
  const width = log1mexp(inverseScale.mul(2 * HALF_BIN));
  // Between the bins of the outermost bytes and of their neighbours.
  const aboveLowest = u.greater(-1 + HALF_BIN).cast('float');
  const belowHighest = u.less(1 - HALF_BIN).cast('float');
  const inside = aboveLowest.mul(belowHighest);
  return upper.mul(belowHighest).add(lower.mul(aboveLowest)).add(width.mul(inside));
}

export class DiscretisedLogistic implements Distribution {
  private readonly signedMean: Tensor;
  private readonly logScale: Tensor;
  private readonly scale: PixelScale;

  /** Mean and log scale [..., D] on the scale from −1 to 1. */
  constructor(mean: Tensor, logScale: Tensor, scale: PixelScale) {
    this.signedMean = mean;
    this.logScale = logScale;
    this.scale = scale;
  }

  get mean(): Tensor {
    return fromSigned(this.signedMean, this.scale);
  }

  logProb(x: Tensor): Tensor {
    return logMass(toSigned(x, this.scale), this.signedMean, this.logScale);
  }
}

/**
 * A mixture of K discretised logistics for each place of the image, in which a channel's mean depends linearly on the
 * channels before it: Salimans et al. (2017), eq. 3.
 */
export class LogisticMixture implements Distribution {
  private readonly scale: PixelScale;
  /** log π: [..., K, HW]. */
  private readonly logWeights: Tensor;
  /** [..., C, K, HW] */
  private readonly means: Tensor;
  private readonly logScales: Tensor;
  /** Per channel, one for each channel before it, [..., K, HW]. */
  private readonly slopes: readonly (readonly Tensor[])[];

  /** Values that a decoder gives for each place. */
  static valuesPerPlace = (channels: number, components: number): number =>
    components * (1 + 2 * channels + (channels * (channels - 1)) / 2);

  /** Outputs [..., P·HW], P planes of `places` values: K of logits, then K for each channel's mean, log scale and slopes. */
  constructor(outputs: Tensor, channels: number, places: number, components: number, scale: PixelScale) {
    this.scale = scale;
    const leading = outputs.shape.slice(0, -1);
    const planes = outputs.reshape(...leading, -1, places);
    let next = 0;
    const take = (...shape: number[]): Tensor => {
      const count = sizeOf(shape) * components;
      next += count;
      return planes.slice(-2, next - count, next).reshape(...leading, ...shape, components, places);
    };
    const logits = take();
    // One component has all the weight.
    this.logWeights = components === 1 ? logits.mul(0) : logits.sub(logits.logSumExp(-2, true));
    this.means = take(channels);
    this.logScales = take(channels);
    this.slopes = Array.from({ length: channels }, (_, c) => Array.from({ length: c }, () => take().tanh()));
  }

  /** A channel's mean in each component, [..., K, HW], given the channels before it. */
  private conditionalMean(channel: number, before: readonly Tensor[]): Tensor {
    return this.slopes[channel].reduce((mean, slope, i) => mean.add(slope.mul(before[i])), at(this.means, -3, channel));
  }

  /** The expectation, channel after channel within each component; what clipping to the range would change is left out. */
  get mean(): Tensor {
    const weights = this.logWeights.exp();
    const within: Tensor[] = [];
    for (let c = 0; c < this.slopes.length; c++) within.push(this.conditionalMean(c, within));
    const channels = within.map((mean) => mean.mul(weights).sum(-2));
    return fromSigned(concat(channels, -1), this.scale);
  }

  /** x [..., C·HW] → [..., HW]: the log probability of each place's channels together. */
  logProb(x: Tensor): Tensor {
    const places = this.logWeights.shape.at(-1)!;
    const leading = x.shape.slice(0, -1);
    const channels = this.slopes.length;
    const values = toSigned(x, this.scale).reshape(...leading, channels, 1, places);
    const before = this.slopes.map((_, c) => at(values, -3, c)); // [..., 1, HW]
    const conditional = this.slopes.map((_, c) => this.conditionalMean(c, before)); // [..., K, HW]
    // The last of them depends on x, which may have axes that the outputs lack.
    const shape = conditional[channels - 1].shape;
    const means = concat(
      conditional.map((mean) => mean.broadcastTo(shape).reshape(...shape.toSpliced(-2, 0, 1))),
      -3,
    );
    const logMasses = logMass(values, means, this.logScales).sum(-3); // [..., K, HW]
    const joint = this.logWeights.add(logMasses);
    return this.logWeights.shape.at(-2) === 1 ? joint.sum(-2) : joint.logSumExp(-2);
  }
}

/** One position of an axis, which goes. */
function at(x: Tensor, axis: number, position: number): Tensor {
  return x.slice(axis, position, position + 1).reshape(...x.shape.toSpliced(axis, 1));
}
