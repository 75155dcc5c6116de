/** Encodes the little of WebAssembly's binary format that one function over one imported memory needs. */

const unsigned = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value;
  do {
    const more = rest > 0x7f;
    bytes.push((rest % 0x80) | (more ? 0x80 : 0));
    rest = Math.floor(rest / 0x80);
  } while (rest > 0);
  return bytes;
};

/** A signed 32-bit LEB128 number. */
const signed = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const finished = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
    bytes.push(finished ? byte : byte | 0x80);
    if (finished) return bytes;
  }
};

const text = (value: string): number[] => [...unsigned(value.length), ...Buffer.from(value)];
const section = (id: number, body: number[]): number[] => [id, ...unsigned(body.length), ...body];
const float32Bytes = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)];

export const VALUE_TYPES = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof VALUE_TYPES;

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
/** Offsets are in bytes; vectors here are always 16-byte aligned. */
const access = (opcode: number, offset: number): number[] => [...simd(opcode), 4, ...unsigned(offset)];

/** Instructions, by their names in the specification. */
export const wasm = {
  localGet: (index: number) => [0x20, ...unsigned(index)],
  localSet: (index: number) => [0x21, ...unsigned(index)],
  i32Const: (value: number) => [0x41, ...signed(value)],
  i32LtU: [0x49],
  i32Add: [0x6a],
  /** do { body } while (condition); the condition leaves an i32. */
  loopWhile: (body: number[], condition: number[]) => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b],
  v128Load: (offset: number) => access(0x00, offset),
  v128Store: (offset: number) => access(0x0b, offset),
  i32x4Const: (values: readonly number[]) => [...simd(0x0c), ...new Uint8Array(Int32Array.from(values).buffer)],
  i32x4Splat: simd(0x11),
  i32x4Add: simd(0xae),
  /** The full 64-bit products of lanes 0 and 1, and of lanes 2 and 3, unsigned. */
  i64x2ExtmulLowI32x4U: simd(0xde),
  i64x2ExtmulHighI32x4U: simd(0xdf),
  /** Picks four of the eight 32-bit lanes of two vectors: 0 to 3 of the first, 4 to 7 of the second. */
  shuffleLanes: (lanes: readonly number[]) => [
    ...simd(0x0d),
    ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)),
  ],
  v128Xor: simd(0x51),
  f32x4Const: (value: number) => [...simd(0x0c), ...[0, 1, 2, 3].flatMap(() => float32Bytes(value))],
  f32x4Splat: simd(0x13),
  f32x4Eq: simd(0x41),
  f32x4Lt: simd(0x43),
  f32x4Gt: simd(0x44),
  f32x4Ge: simd(0x46),
  v128And: simd(0x4e),
  v128Bitselect: simd(0x52),
  f32x4Abs: simd(0xe0),
  f32x4Neg: simd(0xe1),
  f32x4Sqrt: simd(0xe3),
  f32x4Add: simd(0xe4),
  f32x4Sub: simd(0xe5),
  f32x4Mul: simd(0xe6),
  f32x4Div: simd(0xe7),
  f32x4Max: simd(0xe9),
} as const;

/** As many pages as a memory can have at most. */
const MOST_PAGES = 65536;

/**
 * A module that imports `memory.memory` and exports one function, `run`, without a result.
 * @param isShared whether the memory is one that threads share.
 */
export function encodeModule(
  parameters: readonly ValueType[],
  locals: readonly ValueType[],
  code: number[],
  isShared = false,
) {
  const limits = isShared ? [3, 1, ...unsigned(MOST_PAGES)] : [0, 1];
  const vector = (items: readonly number[][]) => [...unsigned(items.length), ...items.flat()];
  const type = [0x60, ...vector(parameters.map((p) => [VALUE_TYPES[p]])), 0];
  const body = [...vector(locals.map((local) => [1, VALUE_TYPES[local]])), ...code, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([type])),
    ...section(2, vector([[...text('memory'), ...text('memory'), 2, ...limits]])),
    ...section(3, vector([[0]])),
    ...section(7, vector([[...text('run'), 0, 0]])),
    ...section(10, vector([[...unsigned(body.length), ...body]])),
  ]);
}
