/** Principal components: the directions in which points differ most. */

import { fillNoise } from '../random/random.ts';

export interface Projection {
  /** [count, components] */
  readonly points: Float32Array;
  /** The share of the points' variance that each component explains, the largest first. */
  readonly explained: readonly number[];
}

const MOST_ITERATIONS = 2000;
/** The iteration ends when a direction changes by less than this. */
const TOLERANCE = 1e-12;

/**
 * Projects points [count, dimensions] onto their first principal components, by power iteration on the covariance, each
 * component orthogonal to those before it. The same points give the same picture: the iteration's start is fixed, and a
 * component points where its largest entry is positive.
 */
export function principalComponents(points: Float32Array, dimensions: number, components = 2): Projection {
  const count = points.length / dimensions;
  const centred = centre(points, dimensions);
  const covariance = covarianceOf(centred, dimensions);
  let variance = 0;
  for (let i = 0; i < dimensions; i++) variance += covariance[i * dimensions + i];
  const directions: Float64Array[] = [];
  const explained: number[] = [];
  for (let c = 0; c < components; c++) {
    const { direction, eigenvalue } = leading(covariance, dimensions, directions);
    directions.push(direction);
    explained.push(variance > 0 ? eigenvalue / variance : 0);
  }
  const projected = new Float32Array(count * components);
  for (let i = 0; i < count; i++) {
    directions.forEach((direction, c) => {
      let sum = 0;
      for (let j = 0; j < dimensions; j++) sum += centred[i * dimensions + j] * direction[j];
      projected[i * components + c] = sum;
    });
  }
  return { points: projected, explained };
}

function centre(points: Float32Array, dimensions: number): Float64Array {
  const count = points.length / dimensions;
  const mean = new Float64Array(dimensions);
  points.forEach((value, i) => {
    mean[i % dimensions] += value;
  });
  return Float64Array.from(points, (value, i) => value - mean[i % dimensions] / count);
}

/** [dimensions, dimensions], up to the factor that all entries share. */
function covarianceOf(centred: Float64Array, dimensions: number): Float64Array {
  const covariance = new Float64Array(dimensions * dimensions);
  for (let start = 0; start < centred.length; start += dimensions) {
    for (let i = 0; i < dimensions; i++) {
      const factor = centred[start + i];
      for (let j = 0; j < dimensions; j++) covariance[i * dimensions + j] += factor * centred[start + j];
    }
  }
  return covariance;
}

/** The eigenvector of the largest eigenvalue among those orthogonal to `found`. */
function leading(
  matrix: Float64Array,
  size: number,
  found: readonly Float64Array[],
): { direction: Float64Array; eigenvalue: number } {
  const start = new Float32Array(size);
  fillNoise(start, { kind: 'standardNormal' }, { seed: 0, stream: 'principal component', step: found.length });
  let direction = normalised(orthogonal(Float64Array.from(start), found));
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    const next = normalised(orthogonal(multiply(matrix, direction), found));
    const change = 1 - dot(next, direction);
    direction = next;
    if (change < TOLERANCE) break;
  }
  const eigenvalue = dot(direction, multiply(matrix, direction));
  const largest = direction.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return { direction: largest < 0 ? direction.map((value) => -value) : direction, eigenvalue };
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i], 0);

const multiply = (matrix: Float64Array, vector: Float64Array): Float64Array =>
  vector.map((_, row) => dot(matrix.subarray(row * vector.length, (row + 1) * vector.length), vector));

function orthogonal(vector: Float64Array, to: readonly Float64Array[]): Float64Array {
  return to.reduce((rest, direction) => {
    const along = dot(rest, direction);
    return rest.map((value, i) => value - along * direction[i]);
  }, vector);
}

/** Equal points have no direction: a vector of length 0 stays as it is. */
function normalised(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return length === 0 ? vector : vector.map((value) => value / length);
}
