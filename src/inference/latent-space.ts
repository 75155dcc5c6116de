/** Points of the latent space: ways from one to another, and even grids. */

export const INTERPOLATIONS = ['linear', 'spherical'] as const;
export type Interpolation = (typeof INTERPOLATIONS)[number];

/** `count` numbers, at least two, evenly apart from `low` to `high`; the middle of a range around 0 is exactly 0. */
export const evenlySpaced = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => ((count - 1 - i) * low + i * high) / (count - 1));

/** Below this angle, in radians, a great circle is a line. */
const SMALLEST_ANGLE = 1e-4;

/**
 * Points on the way between two points [L], both included: [steps, L]. The spherical way turns at an even rate and keeps
 * the length of a draw from the prior, which the middle of a line between two draws falls short of: White, "Sampling
 * generative networks" (2016), section 3.1.
 */
export function interpolate(from: Float32Array, to: Float32Array, steps: number, method: Interpolation): Float32Array {
  const angle = method === 'linear' ? 0 : angleBetween(from, to);
  // Opposite points have no one great circle between them.
  const straight = angle < SMALLEST_ANGLE || angle > Math.PI - SMALLEST_ANGLE;
  const out = new Float32Array(steps * from.length);
  evenlySpaced(0, 1, steps).forEach((t, step) => {
    const [a, b] = straight ? [1 - t, t] : [1 - t, t].map((part) => Math.sin(part * angle) / Math.sin(angle));
    from.forEach((value, i) => {
      out[step * from.length + i] = a * value + b * to[i];
    });
  });
  return out;
}

function angleBetween(a: Float32Array, b: Float32Array): number {
  const dot = (u: Float32Array, v: Float32Array): number => u.reduce((sum, value, i) => sum + value * v[i], 0);
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  return lengths === 0 ? 0 : Math.acos(Math.min(1, Math.max(-1, dot(a, b) / lengths)));
}

/** The positions of the `most` largest values, the largest first. */
export const largest = (values: readonly number[], most: number): number[] =>
  Array.from(values, (_, i) => i)
    .sort((a, b) => values[b] - values[a])
    .slice(0, most);

/** Newton's steps double the right digits: from the middle, this many are enough for p from 10⁻⁴ to 1 − 10⁻⁴. */
const NEWTON_STEPS = 30;

/** The z below which a standard normal is with probability p, for p from 10⁻⁴ to 1 − 10⁻⁴. */
export function normalQuantile(p: number): number {
  let z = 0;
  for (let step = 0; step < NEWTON_STEPS; step++) z -= (normalProbability(z) - p) / normalDensity(z);
  return z;
}

const normalDensity = (z: number): number => Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);

/** Φ(z) = ½ + φ(z) (z + z³/3 + z⁵/(3·5) + ...): Marsaglia, "Evaluating the normal distribution" (2004). */
function normalProbability(z: number): number {
  let [sum, term] = [z, z];
  for (let n = 3; Math.abs(term) > 1e-17; n += 2) {
    term *= z ** 2 / n;
    sum += term;
  }
  return 0.5 + normalDensity(z) * sum;
}
