import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCsv } from '../../src/report/csv.ts';
import { encodeNpy } from '../../src/report/npy.ts';

describe('NumPy’s format', () => {
  it('has the header of version 1.0, which ends at a multiple of 64, and then the numbers', () => {
    const file = encodeNpy(Float32Array.of(1, 2, 3, 4, 5, 6.5), [2, 3]);
    expect(file.subarray(0, 8).toString('latin1')).toBe('\x93NUMPY\x01\x00');
    const length = file.readUInt16LE(8);
    expect((10 + length) % 64).toBe(0);
    const header = file.toString('latin1', 10, 10 + length);
    expect(header).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 3\), \} *\n$/);
    expect(Array.from({ length: 6 }, (_, i) => file.readFloatLE(10 + length + 4 * i))).toEqual([1, 2, 3, 4, 5, 6.5]);
  });

  it('writes bytes, and one axis with Python’s comma', () => {
    const file = encodeNpy(Uint8Array.of(7, 8, 9), [3]);
    expect(file.toString('latin1', 10, 90)).toContain("'|u1', 'fortran_order': False, 'shape': (3,), }");
    expect([...file.subarray(-3)]).toEqual([7, 8, 9]);
  });

  it('writes a part of a larger array', () => {
    const file = encodeNpy(Float32Array.of(1, 2, 3, 4).subarray(1, 3), [2]);
    expect([file.readFloatLE(file.length - 8), file.readFloatLE(file.length - 4), file.length]).toEqual([2, 3, 136]);
  });

  it('is aligned whatever the shape', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e9), { minLength: 1, maxLength: 8 }), (shape) => {
        const file = encodeNpy(new Float32Array(0), shape);
        expect(file.length % 64).toBe(0);
        expect(file[file.length - 1]).toBe('\n'.charCodeAt(0));
      }),
    );
  });
});

describe('CSV', () => {
  it('has a header and a line an image', () => {
    const groups = { mean: Float32Array.of(1, 2.5, -3, 0), stddev: Float32Array.of(1, 1, 2, 2) };
    expect(encodeCsv([{ heading: 'label', values: [7, 2] }], groups)).toBe(
      'index,label,mean0,mean1,stddev0,stddev1\n0,7,1,2.5,1,1\n1,2,-3,0,2,2\n',
    );
  });

  it('quotes a name that would be read as more than one', () => {
    const csv = encodeCsv([{ heading: 'file', values: ['a,"b".png'] }], { mean: Float32Array.of(1) });
    expect(csv).toBe('index,file,mean0\n0,"a,""b"".png",1\n');
  });

  it('brings every number back exactly', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const csv = encodeCsv([{ heading: 'label', values: [0] }], { mean: Float32Array.of(value) });
        expect(Math.fround(Number(csv.trim().split(',').at(-1))) + 0).toBe(value + 0);
      }),
    );
  });
});
