/** Values for cases, drawn from a seed. */

import { randomBits } from '../../src/random/random.ts';
import type { NumericArray } from '../../src/tensor/primitives.ts';
import { sizeOf } from '../../src/tensor/shape.ts';
import type { Case, CaseInput, Range } from './cases.ts';

const scalar = (bits: number, range: Range): number => {
  const unit = (bits >>> 8) / 2 ** 24;
  if (typeof range === 'object') return bits % range.integersBelow;
  switch (range) {
    case 'real':
      return 4 * unit - 2;
    case 'positive':
      return 0.5 + 2 * unit;
    case 'awayFromZero':
      // Central differences must not step over a kink.
      return (bits & 1 ? 1 : -1) * (0.3 + 1.5 * unit);
  }
};

function draw({ shape, dtype = 'float', range = 'real' }: CaseInput, stream: string, seed: number): NumericArray {
  const size = sizeOf(shape);
  const bits = randomBits({ seed, stream, step: 0 }, size).subarray(0, size);
  switch (dtype) {
    case 'float':
      // Rounded to 32 bits, so that every engine gets the same numbers.
      return Float64Array.from(bits, (word) => Math.fround(scalar(word, range)));
    case 'int32':
      return Int32Array.from(bits, (word) => (typeof range === 'object' ? scalar(word, range) : (word % 9) - 4));
    default:
      return Uint8Array.from(bits, (word) => word % 256);
  }
}

export const caseValues = ({ name, inputs }: Case, seed = 1): Record<string, NumericArray> =>
  Object.fromEntries(inputs.map((input, i) => [`x${i}`, draw(input, `${name} ${i}`, seed)]));
