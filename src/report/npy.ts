/** NumPy's file format, version 1.0: a header in Python's words, then the numbers. `numpy.load` reads it. */

/** Numbers are written in the machine's byte order, which is little-endian wherever the engines run. */
const KINDS = { float32: '<f4', uint8: '|u1' } as const;

/** The header ends at a multiple of this, so that the numbers can be mapped into memory. */
const ALIGNMENT = 64;
/** The magic string, the version and the header's length. */
const PREFIX_BYTES = 10;

/** Encodes an array in row-major order. */
export function encodeNpy(values: Float32Array | Uint8Array, shape: readonly number[]): Buffer {
  const kind = values instanceof Float32Array ? KINDS.float32 : KINDS.uint8;
  // Python writes a tuple of one element with a comma.
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const words = `{'descr': '${kind}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const unpadded = PREFIX_BYTES + words.length + 1;
  const padding = (ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT;
  const header = Buffer.from(`${words}${' '.repeat(padding)}\n`, 'latin1');
  const prefix = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.alloc(2)]);
  prefix.writeUInt16LE(header.length, PREFIX_BYTES - 2);
  return Buffer.concat([prefix, header, Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}
