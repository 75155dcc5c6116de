/** Compiles an elementwise update to one SIMD loop over a flat memory. */

import { encodeModule, type ValueType, wasm } from '../../base/wasm.ts';
import type { PrimitiveOf } from '../../tensor/primitives.ts';
import { sourceName, type Update } from '../../tensor/program.ts';
import { attributesOf, isOfKind, scalarValue, type Tensor, topologicalOrder } from '../../tensor/tensor.ts';
import { EngineError } from '../engine.ts';
import type { FlatMemory } from './memory.ts';

/** The smallest normal float. Anything nearer to zero costs a hundred cycles an operation, and moments decay to it. */
const SMALLEST_NORMAL = 2 ** -126;
const VECTOR_BYTES = 16;

/**
 * What follows an operation's operands, null where SIMD has no such instruction. Comparisons give masks, which `where`
 * selects by.
 */
const instructions: { readonly [P in PrimitiveOf<'elementwise'>]: readonly number[] | null } = {
  neg: wasm.f32x4Neg,
  abs: wasm.f32x4Abs,
  sqrt: wasm.f32x4Sqrt,
  relu: [...wasm.f32x4Const(0), ...wasm.f32x4Max],
  step: [...wasm.f32x4Const(0), ...wasm.f32x4Gt, ...wasm.f32x4Const(1), ...wasm.v128And],
  add: wasm.f32x4Add,
  sub: wasm.f32x4Sub,
  mul: wasm.f32x4Mul,
  div: wasm.f32x4Div,
  less: wasm.f32x4Lt,
  equal: wasm.f32x4Eq,
  where: wasm.v128Bitselect,
  stopGradient: [],
  exp: null,
  log: null,
  sign: null,
  elu: null,
  sigmoid: null,
  tanh: null,
  softplus: null,
  cast: null,
};

/** An update of a flat memory, as a module: see UpdateRange. */
export interface CompiledUpdate {
  readonly module: WebAssembly.Module;
  /** Names, in the order in which the module takes them. */
  readonly coefficients: readonly string[];
}

/** Updates the bytes from start to end of every section; both are multiples of a vector's. */
type UpdateRange = (start: number, end: number, ...coefficients: number[]) => void;

/** @throws EngineError if the update uses a primitive that is not arithmetic. */
export function compileUpdate(update: Update, memory: FlatMemory): CompiledUpdate {
  const { coefficients, values } = update;
  // Locals 0 and 1 are the position and the end in bytes, then come the coefficients, then vectors.
  const parameters: ValueType[] = ['i32', 'i32', ...coefficients.map((): ValueType => 'f32')];
  const locals: ValueType[] = [];
  const newLocal = (): number => parameters.length + locals.push('v128') - 1;

  const prologue: number[] = [];
  const spread = new Map<string, number>();
  coefficients.forEach((name, i) => {
    const local = newLocal();
    spread.set(name, local);
    prologue.push(...wasm.localGet(2 + i), ...wasm.f32x4Splat, ...wasm.localSet(local));
  });

  const body: number[] = [];
  const position = wasm.localGet(0);
  const at = new Map<Tensor, number>();
  const push = (node: Tensor): number[] => {
    const value = scalarValue(node);
    return value === undefined ? wasm.localGet(at.get(node)!) : wasm.f32x4Const(value);
  };
  for (const node of topologicalOrder(Object.values(values))) {
    if (scalarValue(node) !== undefined) continue;
    const name = node.primitive === 'input' ? sourceName(attributesOf(node, 'input').source) : '';
    const shared = spread.get(name);
    if (shared !== undefined) {
      at.set(node, shared);
      continue;
    }
    const local = newLocal();
    at.set(node, local);
    const code =
      node.primitive === 'input'
        ? [...position, ...wasm.v128Load(memory.sectionStart(name))]
        : [...operandsOf(node).flatMap(push), ...instructionFor(node)];
    body.push(...code, ...wasm.localSet(local));
  }
  for (const [section, node] of Object.entries(values)) {
    const store = wasm.v128Store(memory.sectionStart(section));
    const value = section === 'parameter' ? push(node) : flushed(push(node));
    body.push(...position, ...value, ...store);
  }
  body.push(...position, ...wasm.i32Const(VECTOR_BYTES), ...wasm.i32Add, ...wasm.localSet(0));

  const condition = [...position, ...wasm.localGet(1), ...wasm.i32LtU];
  const code = encodeModule(parameters, locals, [...prologue, ...wasm.loopWhile(body, condition)], memory.isShared);
  return { module: new WebAssembly.Module(code), coefficients };
}

export function instantiateUpdate({ module }: CompiledUpdate, { memory }: FlatMemory): UpdateRange {
  return new WebAssembly.Instance(module, { memory: { memory } }).exports.run as UpdateRange;
}

/** v128.bitselect takes (a, b, mask). */
const operandsOf = ({ primitive, inputs }: Tensor): readonly Tensor[] =>
  primitive === 'where' ? [inputs[1], inputs[2], inputs[0]] : inputs;

function instructionFor(node: Tensor): readonly number[] {
  const instruction = isOfKind(node, 'elementwise') ? instructions[node.primitive] : null;
  if (instruction !== null) return instruction;
  const known = Object.entries(instructions).flatMap(([name, code]) => (code === null ? [] : [name]));
  throw new EngineError(`an update cannot use ${node.primitive}; it is made of ${known.join(', ')}`);
}

/** value & (|value| ≥ smallest normal) */
const flushed = (value: number[]): number[] => [
  ...value,
  ...value,
  ...wasm.f32x4Abs,
  ...wasm.f32x4Const(SMALLEST_NORMAL),
  ...wasm.f32x4Ge,
  ...wasm.v128And,
];
