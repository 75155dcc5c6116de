import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  broadcastShapes,
  broadcastStrides,
  reducedShape,
  resolveAxes,
  resolveReshape,
  sizeOf,
  stridesOf,
} from '../../src/tensor/shape.ts';

const shape = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 });

describe('broadcasting', () => {
  it('is the same from both sides, and with itself changes nothing', () => {
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        expect(broadcastShapes(a, a, 'test')).toEqual(a);
        let result: readonly number[] | undefined;
        try {
          result = broadcastShapes(a, b, 'test');
        } catch (error) {
          expect((error as Error).name).toBe('ShapeError');
          expect(() => broadcastShapes(b, a, 'test')).toThrow('do not broadcast to one shape');
        }
        if (result !== undefined) expect(broadcastShapes(b, a, 'test')).toEqual(result);
      }),
    );
  });

  it('reads every value of the smaller shape and nothing beyond it', () => {
    fc.assert(
      fc.property(shape, (target) => {
        const small = target.map((size, i) => (i % 2 === 0 ? 1 : size));
        const strides = broadcastStrides(small, target);
        const last = target.reduce((sum, size, i) => sum + (size - 1) * strides[i], 0);
        expect(last).toBe(sizeOf(small) - 1);
      }),
    );
  });

  it('names the place and both shapes when it fails', () => {
    expect(() => broadcastShapes([2, 3], [4], 'add')).toThrow('add: [2, 3] and [4] do not broadcast to one shape');
  });
});

describe('axes', () => {
  it('count from the end when negative', () => expect(resolveAxes([-1, 0], 3, 'sum')).toEqual([0, 2]));
  it('must be in range', () =>
    expect(() => resolveAxes([3], 3, 'sum')).toThrow('sum: axis 3 is out of range for 3 axes'));
  it('must be named once', () => expect(() => resolveAxes([0, -2], 2, 'sum')).toThrow('name an axis twice'));
  it('that are reduced are gone or of size 1', () => {
    expect(reducedShape([2, 3, 4], [1], false)).toEqual([2, 4]);
    expect(reducedShape([2, 3, 4], [1], true)).toEqual([2, 1, 4]);
  });
});

describe('reshaping', () => {
  it('fills in what is left', () => expect(resolveReshape([2, 6], [3, -1])).toEqual([3, 4]));
  it('keeps the number of values', () => {
    expect(() => resolveReshape([2, 3], [4])).toThrow('reshape: [2, 3] holds 6 values and cannot become [4]');
    expect(() => resolveReshape([2, 3], [4, -1])).toThrow('cannot become [4, -1]');
    expect(() => resolveReshape([2, 3], [-1, -1])).toThrow('cannot become [-1, -1]');
  });
});

it('strides are those of row-major order', () => expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]));
