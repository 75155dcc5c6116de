/**
 * A program on a device: its steps are recorded once, and launched as one for every run.
 *
 * What differs from run to run, that is the noise's key, the update's coefficients and the arguments, is one block, which
 * is copied in front of the launch. Outputs are copied behind it. Each run in flight has memory of its own for both.
 */

import type { DType, NumericArray } from '../../tensor/primitives.ts';
import { inputsOf, type Program } from '../../tensor/program.ts';
import { attributesOf, type Tensor } from '../../tensor/tensor.ts';
import {
  type Bindings,
  type Call,
  EngineError,
  type Executable,
  expectLength,
  expectWholeUpdate,
  type Results,
  required,
} from '../engine.ts';
import { aligned, planBuffers } from './buffers.ts';
import type { Address, Device } from './device.ts';
import { BYTES } from './expressions.ts';
import type { Operand, Temporary } from './kernels.ts';
import { DeviceState } from './memory.ts';
import { CALL_WORDS, callWords, philoxSource } from './philox.ts';
import { reductionSource } from './reductions.ts';
import type { Residents } from './residents.ts';
import { RunQueue } from './runs.ts';
import { type Schedule, schedule } from './schedule.ts';
import { updateKernel } from './update.ts';

const ARRAYS = { float: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array } as const;

export interface CudaExecutable extends Executable {
  readonly schedule: Schedule;
  /** What it reads and writes, and so keeps from being freed. */
  readonly state: DeviceState;
}

export async function createExecutable(
  program: Program,
  { state, data }: Bindings,
  device: Device,
  residents: Residents,
): Promise<CudaExecutable> {
  if (!(state instanceof DeviceState)) throw new TypeError('the cuda engine runs on its own state');
  checkBindings(program, state, data);
  const plan = schedule(program);
  const update = program.update && updateKernel(program.update, state.sectionFloats);
  const call = layoutCall(program);
  const results = layoutResults(plan);

  const owned: (() => void)[] = [];
  const release = () => {
    for (const free of owned.splice(0).reverse()) free();
  };
  const allocate = (bytes: number): Address => {
    const address = device.allocate(bytes);
    owned.push(() => device.free(address));
    return address;
  };
  try {
    const callAddress = allocate(call.bytes);
    const resultsAddress = allocate(results.bytes);
    const addresses = new Map<Operand, Address>([['call', callAddress]]);
    for (const [node, offset] of call.places) addresses.set(node, callAddress + BigInt(offset));
    for (const [node, offset] of results.places) addresses.set(node, resultsAddress + BigInt(offset));
    for (const [name, node] of Object.entries(plan.gradients)) addresses.set(node, state.address(name, 'gradient'));
    const buffers = planBuffers(plan.steps, (target) => addresses.has(target));
    const buffersAddress = allocate(buffers.bytes);
    for (const [target, offset] of buffers.offsets) addresses.set(target, buffersAddress + BigInt(offset));

    const addressOf = (operand: Operand): Address => {
      const known = addresses.get(operand) ?? residentAddress(operand);
      addresses.set(operand, known);
      return known;
    };
    /** Of a parameter, of data, or of a constant. */
    const residentAddress = (operand: Operand): Address => {
      const { source, values } = leafOf(operand);
      if (source?.kind === 'parameter') return state.address(source.name);
      const resident = residents.hold(source === undefined ? values! : required(data, source.name, 'data'));
      owned.push(resident.release);
      return resident.address;
    };

    const kernels = device.compile(sourceOf(plan, update?.source ?? ''));
    owned.push(kernels.release);
    const recording = kernels.record((commands) => {
      for (const step of plan.steps) {
        const args = step.operands.map(addressOf);
        if (step.kind === 'product') commands.multiply(step.shape, args[0], args[1], args[2]);
        else commands.launch(step.name, step.shape, args);
      }
      if (update === undefined || state.sectionFloats === 0) return;
      const sections = update.sections.map((section) => state.sectionAddress(section));
      commands.launch(update.name, update.shape, [...sections, callAddress + BigInt(4 * CALL_WORDS)]);
    });
    owned.push(recording.release);
    const queue = new RunQueue(device, recording, {
      call: { address: callAddress, bytes: call.bytes },
      results: { address: resultsAddress, bytes: results.bytes },
    });
    owned.push(() => queue.release());

    const outputs = Object.entries(plan.outputs).map(([name, node]) => ({
      name,
      offset: results.places.get(node)!,
      size: node.size,
    }));
    const collect = (bytes: ArrayBuffer): Results =>
      Object.fromEntries(
        outputs.map(({ name, offset, size }) => [name, new Float32Array(bytes, offset, size).slice()]),
      );
    return {
      schedule: plan,
      state,
      run: async (given: Call) => {
        checkCall(program, given, call);
        return queue.run((bytes) => fillCall(bytes, given, call), collect);
      },
      release: async () => release(),
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Each kernel once, behind the functions that kernels use. */
export function sourceOf({ steps }: Schedule, update: string): string {
  const kernels = new Set(steps.flatMap((step) => (step.kind === 'kernel' ? [step.source] : [])));
  return [philoxSource, reductionSource, ...kernels, update].join('\n');
}

function leafOf(operand: Operand) {
  if (operand === 'call' || 'floats' in operand) throw new Error('temporary values have no place');
  const leaf = operand as Tensor;
  if (leaf.primitive === 'constant') return { values: asStored(leaf) };
  if (leaf.primitive !== 'input') throw new Error(`a value of ${leaf.primitive} has no place`);
  return { source: attributesOf(leaf, 'input').source as { kind: string; name: string } };
}

/** A constant's values in the type in which the device reads them, made once so that it is uploaded once. */
function asStored(leaf: Tensor): Uint8Array | Int32Array | Float32Array {
  const { values } = attributesOf(leaf, 'constant');
  return values instanceof Float64Array ? converted(leaf, values) : values;
}

const conversions = new WeakMap<Tensor, Float32Array>();
function converted(leaf: Tensor, values: Float64Array): Float32Array {
  const known = conversions.get(leaf) ?? Float32Array.from(values);
  conversions.set(leaf, known);
  return known;
}

interface CallLayout {
  readonly places: ReadonlyMap<Tensor, number>;
  readonly bytes: number;
  readonly arguments: readonly {
    readonly name: string;
    readonly dtype: DType;
    readonly size: number;
    readonly offset: number;
  }[];
  readonly coefficients: readonly string[];
}

/** The key's words, then the coefficients, then each argument. */
function layoutCall(program: Program): CallLayout {
  const coefficients = program.update?.coefficients ?? [];
  let bytes = aligned(4 * (CALL_WORDS + coefficients.length));
  const places = new Map<Tensor, number>();
  const args = inputsOf(program, 'argument').map(({ node, source }) => {
    const offset = bytes;
    places.set(node, offset);
    bytes += aligned(node.size * BYTES[node.dtype]);
    return { name: source.name, dtype: node.dtype, size: node.size, offset };
  });
  return { places, bytes, arguments: args, coefficients };
}

function layoutResults({ outputs }: Schedule): { places: ReadonlyMap<Tensor | Temporary, number>; bytes: number } {
  const places = new Map<Tensor, number>();
  let bytes = 0;
  for (const node of Object.values(outputs)) {
    places.set(node, bytes);
    bytes += aligned(node.size * BYTES.float);
  }
  return { places, bytes };
}

function checkBindings(program: Program, state: DeviceState, data: Bindings['data']): void {
  for (const { node, source } of inputsOf(program, 'parameter')) {
    const what = `parameter "${source.name}" of program ${program.name}`;
    expectLength({ length: state.sizeOf(source.name) }, node.size, what);
  }
  for (const { node, source } of inputsOf(program, 'data')) {
    expectLength(required(data, source.name, 'data'), node.size, `data "${source.name}" of program ${program.name}`);
  }
  expectWholeUpdate(program, state);
}

/** Before anything is queued, so that a call that is refused leaves nothing behind. */
function checkCall(program: Program, given: Call, call: CallLayout): void {
  for (const { name, size } of call.arguments) {
    expectLength(required(given.arguments, name, 'argument'), size, `argument "${name}" of program ${program.name}`);
  }
  if (given.noise === undefined && inputsOf(program, 'noise').length > 0) {
    throw new EngineError(`program ${program.name} needs noise`);
  }
  for (const name of call.coefficients) required(given.coefficients, name, 'coefficient');
}

function fillCall(bytes: ArrayBuffer, given: Call, call: CallLayout): void {
  if (given.noise !== undefined) new Uint32Array(bytes, 0, CALL_WORDS).set(callWords(given.noise));
  const coefficients = new Float32Array(bytes, 4 * CALL_WORDS, call.coefficients.length);
  call.coefficients.forEach((name, i) => {
    coefficients[i] = given.coefficients![name];
  });
  for (const { name, dtype, size, offset } of call.arguments) {
    new ARRAYS[dtype](bytes, offset, size).set(given.arguments![name] as NumericArray);
  }
}
