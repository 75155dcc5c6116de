/**
 * The counter-based generator Philox 4x32-10: as its definition in JavaScript, and as SIMD WebAssembly, four blocks at a
 * time, for the hundreds of thousands of numbers that a step with dropout or stochastic binarisation needs.
 *
 * Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
 */

import { encodeModule, type ValueType, wasm } from '../base/wasm.ts';

const ROUNDS = 10;
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
/** The two multipliers, in halves of 16 bits. */
const [HIGH_0, LOW_0, HIGH_1, LOW_1] = [0xd251, 0x1f53, 0xcd9e, 0x8d57];
const MULTIPLIER_0 = (HIGH_0 << 16) | LOW_0;
const MULTIPLIER_1 = (HIGH_1 << 16) | LOW_1;

/**
 * The upper 32 bits of (high·2¹⁶ + low) × x, all unsigned. Every sum below stays under 2³², because
 * (2¹⁶ − 1)² + 2¹⁶ − 1 < 2³², so 32-bit integer arithmetic is enough.
 */
function multiplyHighHalves(high: number, low: number, x: number): number {
  const xHigh = x >>> 16;
  const xLow = x & 0xffff;
  const middle = (Math.imul(high, xLow) + (Math.imul(low, xLow) >>> 16)) | 0;
  const cross = (Math.imul(low, xHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(high, xHigh) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/** What is the same for all blocks of a call: counter words 1 to 3. */
export type Counter = readonly [number, number, number];
export type Key = readonly [number, number];

/**
 * Fills `out`, whose length is a multiple of four, with blocks of four 32-bit numbers: block i from the counter
 * (i, counter[0], counter[1], counter[2]).
 */
export function philox(out: Uint32Array, counter: Counter, key: Key): void {
  const keys = Int32Array.from({ length: 2 * ROUNDS }, (_, i) => key[i % 2] + Math.imul(i >> 1, WEYL[i % 2]));
  for (let at = 0; at < out.length; at += 4) {
    let c0 = at >>> 2;
    let c1 = counter[0] | 0;
    let c2 = counter[1] | 0;
    let c3 = counter[2] | 0;
    for (let round = 0; round < 2 * ROUNDS; round += 2) {
      const high0 = multiplyHighHalves(HIGH_0, LOW_0, c0);
      const low0 = Math.imul(MULTIPLIER_0, c0);
      const high1 = multiplyHighHalves(HIGH_1, LOW_1, c2);
      const low1 = Math.imul(MULTIPLIER_1, c2);
      c0 = high1 ^ c1 ^ keys[round];
      c1 = low1;
      c2 = high0 ^ c3 ^ keys[round + 1];
      c3 = low0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
  }
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
export const multiplyHigh = (a: number, b: number): number => multiplyHighHalves(a >>> 16, a & 0xffff, b) >>> 0;

/** The same as `philox`, faster for more than a few blocks. */
export function fillPhilox(out: Uint32Array, counter: Counter, key: Key): void {
  kernel ??= compileKernel();
  if (kernel === 'unavailable' || out.length < CHUNK_WORDS / 64) {
    philox(out, counter, key);
    return;
  }
  for (let at = 0; at < out.length; at += CHUNK_WORDS) {
    const count = Math.min(CHUNK_WORDS, out.length - at);
    // Whole groups of four blocks are computed; what is beyond the end is not copied.
    kernel.run(0, Math.ceil(count / GROUP_WORDS) * GROUP_BYTES, at / 4, ...counter, ...key);
    out.set(count === CHUNK_WORDS ? kernel.words : kernel.words.subarray(0, count), at);
  }
}

/** Whether this machine has the fast way. */
export function isAccelerated(): boolean {
  kernel ??= compileKernel();
  return kernel !== 'unavailable';
}

const GROUP_WORDS = 16;
const GROUP_BYTES = 64;
/** What one page of memory holds. */
const CHUNK_WORDS = 16384;

interface Kernel {
  /** (first byte, last byte, first block, counter 1 to 3, key 0 and 1), all as 32-bit integers. */
  readonly run: (...args: number[]) => void;
  readonly words: Uint32Array;
}

let kernel: Kernel | 'unavailable' | undefined;

/** A loop over groups of four blocks. Lane j of vector i holds word i of block j. */
function compileKernel(): Kernel | 'unavailable' {
  const parameters: ValueType[] = new Array(8).fill('i32');
  const [POSITION, END, FIRST, COUNTER, KEY] = [0, 1, 2, 3, 6];
  const locals: ValueType[] = [];
  const newLocal = (): number => parameters.length + locals.push('v128') - 1;
  const splat = (scalar: number[]): number => {
    const local = newLocal();
    prologue.push(...scalar, ...wasm.i32x4Splat, ...wasm.localSet(local));
    return local;
  };

  const prologue: number[] = [];
  const multipliers = [MULTIPLIER_0, MULTIPLIER_1].map((value) => splat(wasm.i32Const(value)));
  const fixed = [0, 1, 2].map((word) => splat(wasm.localGet(COUNTER + word)));
  const keys = Array.from({ length: 2 * ROUNDS }, (_, i) => {
    const bump = wasm.i32Const(Math.imul(i >> 1, WEYL[i % 2]));
    return splat([...wasm.localGet(KEY + (i % 2)), ...bump, ...wasm.i32Add]);
  });
  const blocks = newLocal();
  prologue.push(...wasm.localGet(FIRST), ...wasm.i32x4Splat, ...wasm.i32x4Const([0, 1, 2, 3]), ...wasm.i32x4Add);
  prologue.push(...wasm.localSet(blocks));

  const body: number[] = [];
  const assign = (code: number[]): number => {
    const local = newLocal();
    body.push(...code, ...wasm.localSet(local));
    return local;
  };
  const get = (...of: number[]): number[] => of.flatMap(wasm.localGet);
  const shuffled = (a: number, b: number, lanes: number[]): number =>
    assign([...get(a, b), ...wasm.shuffleLanes(lanes)]);
  let words = [blocks, ...fixed];
  for (let round = 0; round < ROUNDS; round++) {
    const [[low0, high0], [low1, high1]] = [0, 1].map((i) => {
      const operands = get(multipliers[i], words[2 * i]);
      const first = assign([...operands, ...wasm.i64x2ExtmulLowI32x4U]);
      const second = assign([...operands, ...wasm.i64x2ExtmulHighI32x4U]);
      return [shuffled(first, second, [0, 2, 4, 6]), shuffled(first, second, [1, 3, 5, 7])];
    });
    const mixed = (high: number, word: number, key: number): number =>
      assign([...get(high, word), ...wasm.v128Xor, ...get(key), ...wasm.v128Xor]);
    words = [mixed(high1, words[1], keys[2 * round]), low1, mixed(high0, words[3], keys[2 * round + 1]), low0];
  }
  // Transposed, so that the four words of a block lie together.
  const [a, b, c, d] = [
    shuffled(words[0], words[1], [0, 4, 1, 5]),
    shuffled(words[2], words[3], [0, 4, 1, 5]),
    shuffled(words[0], words[1], [2, 6, 3, 7]),
    shuffled(words[2], words[3], [2, 6, 3, 7]),
  ];
  const rows = [
    [a, b, [0, 1, 4, 5]],
    [a, b, [2, 3, 6, 7]],
    [c, d, [0, 1, 4, 5]],
    [c, d, [2, 3, 6, 7]],
  ] as const;
  rows.forEach(([left, right, lanes], i) => {
    body.push(...get(POSITION, left, right), ...wasm.shuffleLanes(lanes), ...wasm.v128Store(16 * i));
  });
  body.push(...get(blocks), ...wasm.i32x4Const([4, 4, 4, 4]), ...wasm.i32x4Add, ...wasm.localSet(blocks));
  body.push(...get(POSITION), ...wasm.i32Const(GROUP_BYTES), ...wasm.i32Add, ...wasm.localSet(POSITION));

  const condition = [...get(POSITION, END), ...wasm.i32LtU];
  const code = encodeModule(parameters, locals, [...prologue, ...wasm.loopWhile(body, condition)]);
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { memory: { memory } });
    return { run: exports.run as Kernel['run'], words: new Uint32Array(memory.buffer) };
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    // A processor without the SIMD instructions that V8 asks for.
    return 'unavailable';
  }
}
