import { describe, expect, it } from 'vitest';
import { philox } from '../../src/random/philox.ts';
import { fillPhilox, isAccelerated } from '../../src/random/philox-simd.ts';
import { fillNoise, permutation, randomBits, toUniform } from '../../src/random/random.ts';

const hex = (words: Uint32Array): string => [...words].map((word) => word.toString(16).padStart(8, '0')).join(' ');

describe('philox', () => {
  // Known-answer vectors of the authors' Random123 distribution, philox4x32-10. Block 0 has counter word 0 = 0.
  it('gives the published words for counter 0 and key 0', () => {
    const out = new Uint32Array(4);
    philox(out, [0, 0, 0], [0, 0]);
    expect(hex(out)).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
  });

  /** The definition in 64-bit integers, for counters and keys without a published vector. */
  function definition(counter: number[], key: number[]): Uint32Array {
    const mask = 0xffffffffn;
    let [c0, c1, c2, c3] = counter.map((c) => BigInt(c));
    let [k0, k1] = key.map((k) => BigInt(k));
    for (let round = 0; round < 10; round++) {
      const [p0, p1] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
      [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask];
      [k0, k1] = [(k0 + 0x9e3779b9n) & mask, (k1 + 0xbb67ae85n) & mask];
    }
    return Uint32Array.from([c0, c1, c2, c3].map(Number));
  }

  it('gives the published words for all bits set, through the definition', () => {
    const ones = 0xffffffff;
    expect(hex(definition([ones, ones, ones, ones], [ones, ones]))).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
  });

  it('equals its definition for large counters and keys', () => {
    const out = new Uint32Array(4 * 50);
    philox(out, [0xdeadbeef, 0xffffffff, 0x12345678], [0x9abcdef0, 0xfedcba98]);
    for (let block = 0; block < 50; block++) {
      const expected = definition([block, 0xdeadbeef, 0xffffffff, 0x12345678], [0x9abcdef0, 0xfedcba98]);
      expect(hex(out.slice(4 * block, 4 * block + 4))).toBe(hex(expected));
    }
  });
});

describe('philox in WebAssembly', () => {
  it('runs here', () => expect(isAccelerated()).toBe(true));

  it('equals the definition, over several chunks and to any length', () => {
    for (const length of [256, 1000, 16384, 16388, 40_004]) {
      const [fast, slow] = [new Uint32Array(length), new Uint32Array(length)];
      const [counter, key] = [
        [0xdeadbeef, length, 0xfffffff0],
        [0x9abcdef0, 0xfedcba98],
      ] as const;
      fillPhilox(fast, counter, key);
      philox(slow, counter, key);
      expect(Buffer.from(fast.buffer).equals(Buffer.from(slow.buffer))).toBe(true);
    }
  });
});

describe('random bits', () => {
  const key = { seed: 7, stream: 'test', step: 3 };

  it('depend on seed, stream and step, and on nothing else', () => {
    const reference = hex(randomBits(key, 8));
    expect(hex(randomBits(key, 8))).toBe(reference);
    expect(hex(randomBits({ ...key, seed: 8 }, 8))).not.toBe(reference);
    expect(hex(randomBits({ ...key, seed: 7 + 2 ** 32 }, 8))).not.toBe(reference);
    expect(hex(randomBits({ ...key, stream: 'tesu' }, 8))).not.toBe(reference);
    expect(hex(randomBits({ ...key, step: 4 }, 8))).not.toBe(reference);
    expect(hex(randomBits({ ...key, step: 3 + 2 ** 32 }, 8))).not.toBe(reference);
  });

  it('do not change when more are asked for', () => {
    expect(hex(randomBits(key, 400).slice(0, 8))).toBe(hex(randomBits(key, 8)));
  });
});

describe('noise', () => {
  const count = 200_000;
  const draw = (distribution: Parameters<typeof fillNoise>[1]): Float32Array => {
    const values = new Float32Array(count);
    fillNoise(values, distribution, { seed: 1, stream: 'noise', step: 0 });
    return values;
  };
  const moment = (values: Float32Array, power: number): number =>
    values.reduce((sum, x) => sum + x ** power, 0) / count;

  it('is standard normal: mean 0, variance 1, skewness 0, kurtosis 3', () => {
    const values = draw({ kind: 'standardNormal' });
    // Five standard errors of each sample moment.
    expect(Math.abs(moment(values, 1))).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(moment(values, 2) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(moment(values, 3))).toBeLessThan(5 * Math.sqrt(15 / count));
    expect(Math.abs(moment(values, 4) - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
  });

  it('is uniform on the open interval: each tenth gets a tenth', () => {
    const values = draw({ kind: 'uniform' });
    const tenths = new Array<number>(10).fill(0);
    for (const value of values) tenths[Math.floor(value * 10)]++;
    for (const hits of tenths) expect(Math.abs(hits / count - 0.1)).toBeLessThan(5 * Math.sqrt(0.09 / count));
  });

  it('stays inside the open interval in 32 bits, whatever the bits', () => {
    for (const bits of [0, 1, 0x7fffffff, 0x80000000, 0xfffffeff, 0xffffffff]) {
      const value = Math.fround(toUniform(bits));
      expect(value).toBe(toUniform(bits));
      expect(value > 0 && value < 1).toBe(true);
    }
  });

  it('is 1 with the probability of a Bernoulli variable, else 0', () => {
    const values = draw({ kind: 'bernoulli', probability: 0.9 });
    expect(new Set(values)).toEqual(new Set([0, 1]));
    expect(Math.abs(moment(values, 1) - 0.9)).toBeLessThan(5 * Math.sqrt(0.09 / count));
    expect(new Set(draw({ kind: 'bernoulli', probability: 1 }))).toEqual(new Set([1]));
  });

  it('fills an odd number of normals', () => {
    const values = new Float32Array(3);
    fillNoise(values, { kind: 'standardNormal' }, { seed: 1, stream: 'noise', step: 0 });
    expect([...values].every((value) => value !== 0 && Number.isFinite(value))).toBe(true);
  });
});

describe('permutation', () => {
  it('has each position once, and differs from epoch to epoch', () => {
    const order = permutation(1000, { seed: 1, stream: 'shuffle', step: 1 });
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect([...permutation(1000, { seed: 1, stream: 'shuffle', step: 2 })]).not.toEqual([...order]);
  });

  it('puts every element in every place equally often', () => {
    const [size, trials] = [5, 20_000];
    const counts = Array.from({ length: size }, () => new Array<number>(size).fill(0));
    for (let step = 0; step < trials; step++) {
      for (const [place, value] of permutation(size, { seed: 1, stream: 'fair', step }).entries())
        counts[place][value]++;
    }
    const tolerance = 5 * Math.sqrt((trials * (size - 1)) / size ** 2);
    for (const hits of counts.flat()) expect(Math.abs(hits - trials / size)).toBeLessThan(tolerance);
  });
});
