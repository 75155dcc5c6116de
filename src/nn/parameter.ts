/** Learnt tensors: a name, a shape, and how their first values are drawn. */

import { fillNoise, type RandomKey } from '../random/random.ts';
import type { Shape } from '../tensor/shape.ts';
import { sizeOf } from '../tensor/shape.ts';
import { parameter, type Tensor } from '../tensor/tensor.ts';

export interface Parameter {
  /** As PyTorch would call it in a state_dict: `encoder.0.weight`. */
  readonly name: string;
  readonly tensor: Tensor;
  /** The first values, the same for the same seed. */
  readonly initialise: (seed: number) => Float32Array;
}

/** What an engine needs to know of a parameter. */
export const specOf = ({ name, tensor }: Parameter) => ({ name, shape: tensor.shape });

/** Fills a parameter of `shape` that feeds `fanIn` inputs into each of `fanOut` outputs. */
export type Initializer = (shape: Shape, fanIn: number, fanOut: number, key: RandomKey) => Float32Array;

function draw(shape: Shape, kind: 'uniform' | 'standardNormal', key: RandomKey, map: (x: number) => number) {
  const values = new Float32Array(sizeOf(shape));
  fillNoise(values, { kind }, key);
  return values.map(map);
}

export const zeros: Initializer = (shape) => new Float32Array(sizeOf(shape));

/** U(−1/√fanIn, 1/√fanIn). */
const fanInUniform: Initializer = (shape, fanIn, _, key) =>
  draw(shape, 'uniform', key, (u) => (2 * u - 1) / Math.sqrt(fanIn));

/** N(0, 2/fanIn): He et al. (2015). */
const heNormal: Initializer = (shape, fanIn, _, key) =>
  draw(shape, 'standardNormal', key, (z) => z * Math.sqrt(2 / fanIn));

/** U(−a, a) with a = √(6 / (fanIn + fanOut)): Glorot & Bengio (2010). */
const glorotUniform: Initializer = (shape, fanIn, fanOut, key) =>
  draw(shape, 'uniform', key, (u) => (2 * u - 1) * Math.sqrt(6 / (fanIn + fanOut)));

/** How a layer's weights and biases begin. */
export interface FirstValues {
  readonly weight: Initializer;
  readonly bias: Initializer;
}

/** By name. `pytorch` is what torch.nn.Linear and Conv2d do unless told otherwise. */
export const initializers = {
  pytorch: { weight: fanInUniform, bias: fanInUniform },
  he: { weight: heNormal, bias: zeros },
  glorot: { weight: glorotUniform, bias: zeros },
} as const satisfies Record<string, FirstValues>;

export type InitializerName = keyof typeof initializers;

/** Of a layer that gives zeros at first, as the last of a residual block does. */
export const atZero: FirstValues = { weight: zeros, bias: zeros };

/** The same with weights so many times as large. */
export const scaledBy = (factor: number, initializer: InitializerName): FirstValues => {
  const { weight, bias } = firstValues(initializer);
  return { weight: (...of) => weight(...of).map((value) => factor * value), bias };
};

export const firstValues = (initializer: InitializerName | FirstValues = 'pytorch'): FirstValues =>
  typeof initializer === 'string' ? initializers[initializer] : initializer;

export function createParameter(
  name: string,
  shape: Shape,
  initializer: Initializer,
  [fanIn, fanOut]: readonly [number, number],
): Parameter {
  return {
    name,
    tensor: parameter(name, shape),
    initialise: (seed) => initializer(shape, fanIn, fanOut, { seed, stream: `initial ${name}`, step: 0 }),
  };
}
