/**
 * Philox as SIMD WebAssembly, four blocks at a time, for the hundreds of thousands of numbers that a step with dropout or
 * stochastic binarisation needs.
 */

import { encodeModule, type ValueType, wasm } from '../base/wasm.ts';
import { type Counter, type Key, MULTIPLIER_0, MULTIPLIER_1, philox, ROUNDS, WEYL } from './philox.ts';

const GROUP_WORDS = 16;
const GROUP_BYTES = 64;
/** What one page of memory holds. */
const CHUNK_WORDS = 16384;

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

interface Kernel {
  /** (first byte, last byte, first block, counter 1 to 3, key 0 and 1), all as 32-bit integers. */
  readonly run: (...args: number[]) => void;
  readonly words: Uint32Array;
}

let kernel: Kernel | 'unavailable' | undefined;

function compileKernel(): Kernel | 'unavailable' {
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(encodeKernel()), { memory: { memory } });
    return { run: exports.run as Kernel['run'], words: new Uint32Array(memory.buffer) };
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    // A processor without the SIMD instructions that V8 asks for.
    return 'unavailable';
  }
}

const PARAMETERS: readonly ValueType[] = new Array(8).fill('i32');
const [POSITION, END, FIRST, COUNTER, KEY] = [0, 1, 2, 3, 6];

/** Instructions, and the vectors that they are stored in, by the numbers of their locals. */
class Code {
  readonly instructions: number[] = [];
  private readonly locals: ValueType[];

  constructor(locals: ValueType[]) {
    this.locals = locals;
  }

  /** Stores a vector in a local of its own. */
  assign(code: readonly number[]): number {
    const local = PARAMETERS.length + this.locals.push('v128') - 1;
    this.instructions.push(...code, ...wasm.localSet(local));
    return local;
  }

  splat = (scalar: readonly number[]): number => this.assign([...scalar, ...wasm.i32x4Splat]);

  shuffled = (a: number, b: number, lanes: number[]): number =>
    this.assign([...get(a, b), ...wasm.shuffleLanes(lanes)]);
}

const get = (...locals: number[]): number[] => locals.flatMap(wasm.localGet);

/** A loop over groups of four blocks. Lane j of vector i holds word i of block j. */
function encodeKernel(): Uint8Array<ArrayBuffer> {
  const locals: ValueType[] = [];
  const [prologue, body] = [new Code(locals), new Code(locals)];
  const multipliers = [MULTIPLIER_0, MULTIPLIER_1].map((value) => prologue.splat(wasm.i32Const(value)));
  const fixed = [0, 1, 2].map((word) => prologue.splat(wasm.localGet(COUNTER + word)));
  const keys = Array.from({ length: 2 * ROUNDS }, (_, i) => {
    const bump = wasm.i32Const(Math.imul(i >> 1, WEYL[i % 2]));
    return prologue.splat([...wasm.localGet(KEY + (i % 2)), ...bump, ...wasm.i32Add]);
  });
  const first = [...wasm.localGet(FIRST), ...wasm.i32x4Splat];
  const blocks = prologue.assign([...first, ...wasm.i32x4Const([0, 1, 2, 3]), ...wasm.i32x4Add]);

  let words = [blocks, ...fixed];
  for (let round = 0; round < ROUNDS; round++) {
    words = encodeRound(body, words, multipliers, keys.slice(2 * round, 2 * round + 2));
  }
  storeBlocks(body, words);
  const next = [...get(blocks), ...wasm.i32x4Const([4, 4, 4, 4]), ...wasm.i32x4Add, ...wasm.localSet(blocks)];
  const onwards = [...get(POSITION), ...wasm.i32Const(GROUP_BYTES), ...wasm.i32Add, ...wasm.localSet(POSITION)];
  const condition = [...get(POSITION, END), ...wasm.i32LtU];
  const loop = wasm.loopWhile([...body.instructions, ...next, ...onwards], condition);
  return encodeModule(PARAMETERS, locals, [...prologue.instructions, ...loop]);
}

/** The four words after one round. */
function encodeRound(body: Code, words: readonly number[], multipliers: readonly number[], keys: readonly number[]) {
  const [[low0, high0], [low1, high1]] = [0, 1].map((i) => {
    const operands = get(multipliers[i], words[2 * i]);
    const first = body.assign([...operands, ...wasm.i64x2ExtmulLowI32x4U]);
    const second = body.assign([...operands, ...wasm.i64x2ExtmulHighI32x4U]);
    return [body.shuffled(first, second, [0, 2, 4, 6]), body.shuffled(first, second, [1, 3, 5, 7])];
  });
  const mixed = (high: number, word: number, key: number): number =>
    body.assign([...get(high, word), ...wasm.v128Xor, ...get(key), ...wasm.v128Xor]);
  return [mixed(high1, words[1], keys[0]), low1, mixed(high0, words[3], keys[1]), low0];
}

/** Stores the words transposed, so that the four of a block lie together. */
function storeBlocks(body: Code, words: readonly number[]): void {
  const [a, b, c, d] = [
    body.shuffled(words[0], words[1], [0, 4, 1, 5]),
    body.shuffled(words[2], words[3], [0, 4, 1, 5]),
    body.shuffled(words[0], words[1], [2, 6, 3, 7]),
    body.shuffled(words[2], words[3], [2, 6, 3, 7]),
  ];
  const rows = [
    [a, b, [0, 1, 4, 5]],
    [a, b, [2, 3, 6, 7]],
    [c, d, [0, 1, 4, 5]],
    [c, d, [2, 3, 6, 7]],
  ] as const;
  rows.forEach(([left, right, lanes], i) => {
    const block = [...get(POSITION, left, right), ...wasm.shuffleLanes(lanes)];
    body.instructions.push(...block, ...wasm.v128Store(16 * i));
  });
}
