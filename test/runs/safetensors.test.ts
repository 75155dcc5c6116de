import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/base/errors.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/runs/safetensors.ts';

const tensors = [
  { name: 'encoder.0.weight', shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 0, 1e-30, -1e30) },
  { name: 'encoder.0.bias', shape: [2], values: Float32Array.of(7, 8) },
  { name: 'empty', shape: [0], values: new Float32Array(0) },
];
const file = encodeSafetensors({ tensors, metadata: { note: 'µ ≤ σ' } });

describe('safetensors', () => {
  it('come back as they were written', () => {
    expect(decodeSafetensors(file, 'file')).toEqual({ tensors, metadata: { note: 'µ ≤ σ' } });
  });

  it('have the layout of the format', () => {
    const length = Number(file.readBigUInt64LE());
    expect(length % 8).toBe(0);
    const header = JSON.parse(file.toString('utf8', 8, 8 + length));
    expect(header['encoder.0.weight']).toEqual({ dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] });
    expect(header['encoder.0.bias'].data_offsets).toEqual([24, 32]);
    expect(file.readFloatLE(8 + length + 8)).toBe(3.5);
    expect(file.length).toBe(8 + length + 32);
  });

  const withHeader = (header: unknown, bytes = 0) => {
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    return Buffer.concat([length, json, Buffer.alloc(bytes)]);
  };
  const broken: readonly (readonly [string, Buffer, string])[] = [
    ['empty', Buffer.alloc(0), 'file: expected a safetensors file, got 0 bytes'],
    ['of text', Buffer.from('hello, this is text'), 'file: not a safetensors file, or cut short inside its header'],
    ['cut in the header', file.subarray(0, 40), 'cut short inside its header (40 bytes)'],
    ['cut in the values', file.subarray(0, file.length - 10), 'file: cut short: its header asks for at least'],
    [
      'without JSON',
      Buffer.concat([Buffer.from('0300000000000000', 'hex'), Buffer.from('abc')]),
      'its header is no JSON object',
    ],
    [
      'of half floats',
      withHeader({ a: { dtype: 'F16', shape: [1], data_offsets: [0, 2] } }, 2),
      'tensor "a" is F16; expected F32',
    ],
    [
      'of wrong sizes',
      withHeader({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, 4),
      'tensor "a" of 2 has 4 bytes',
    ],
    ['of nonsense', withHeader({ a: 1 }), 'tensor "a" is not described'],
    [
      'of negative places',
      withHeader({ a: { dtype: 'F32', shape: [1], data_offsets: [-4, 0] } }),
      'tensor "a" is not described',
    ],
  ];
  for (const [name, content, message] of broken) {
    it(`that are ${name} are refused`, () => expect(() => decodeSafetensors(content, 'file')).toThrow(message));
  }

  it('of any bytes give tensors or an InputError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: file.length }), (bytes, at) => {
        const damaged = Buffer.from(file);
        damaged.set(bytes.subarray(0, damaged.length - at), at);
        try {
          decodeSafetensors(damaged, 'file');
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
