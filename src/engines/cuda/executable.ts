/**
 * A program on a device: its steps are recorded once, and launched as one for every call.
 *
 * What differs from call to call is one block, which is copied in front of the launch; outputs are copied behind it. Each
 * call in flight has memory of its own for both.
 */

import type { Program } from '../../tensor/program.ts';
import { attributesOf, type Tensor } from '../../tensor/tensor.ts';
import type { CompleteCall } from '../checked.ts';
import type { Operand } from '../compiled/arguments.ts';
import { planBuffers } from '../compiled/buffers.ts';
import {
  type CallBlock,
  COEFFICIENTS_START,
  layoutCall,
  layoutResults,
  type ResultsBlock,
} from '../compiled/call-block.ts';
import type { Address, Residents } from '../compiled/residents.ts';
import type { Bindings, Executable } from '../engine.ts';
import { CallQueue } from './calls.ts';
import type { Commands, Device } from './device.ts';
import { foldingSource } from './dialect.ts';
import type { DeviceState } from './memory.ts';
import { philoxSource } from './philox.ts';
import { type Schedule, schedule } from './schedule.ts';
import { type UpdateKernel, updateKernel } from './update.ts';

export interface CudaExecutable extends Executable {
  readonly schedule: Schedule;
  /** What it reads and writes, and so keeps from being freed. */
  readonly state: DeviceState;
}

export async function createExecutable(
  program: Program,
  state: DeviceState,
  data: Bindings['data'],
  device: Device,
  residents: Residents,
): Promise<CudaExecutable> {
  const plan = schedule(program);
  const update = program.update && updateKernel(program.update, state.sectionFloats);
  const [call, results] = [layoutCall(program), layoutResults(plan)];
  const owned = new Owned(device, residents);
  try {
    const places = placeValues(plan, state, call, results, owned);
    const addressOf = (operand: Operand): Address => {
      const known = places.addresses.get(operand) ?? residentAddress(operand, state, data, owned);
      places.addresses.set(operand, known);
      return known;
    };
    const kernels = owned.keep(device.compile(sourceOf(plan, update?.source ?? '')));
    const recording = owned.keep(
      kernels.record((commands) => {
        recordSteps(commands, plan, addressOf);
        if (update !== undefined) recordUpdate(commands, update, state, places.call);
      }),
    );
    const queue = owned.keep(
      new CallQueue(device, recording, {
        call: { address: places.call, bytes: call.bytes },
        results: { address: places.results, bytes: results.bytes },
      }),
    );
    return {
      schedule: plan,
      state,
      run: async (given: CompleteCall) => queue.enqueue((bytes) => call.fill(bytes, given), results.collect),
      release: async () => owned.release(),
    };
  } catch (error) {
    owned.release();
    throw error;
  }
}

/** What an executable holds of a device, freed in the opposite order. */
class Owned {
  private readonly device: Device;
  private readonly residents: Residents;
  private readonly held: { release(): void }[] = [];

  constructor(device: Device, residents: Residents) {
    this.device = device;
    this.residents = residents;
  }

  keep<T extends { release(): void }>(one: T): T {
    this.held.push(one);
    return one;
  }

  allocate(bytes: number): Address {
    const address = this.device.allocate(bytes);
    this.held.push({ release: () => this.device.free(address) });
    return address;
  }

  resident = (values: Parameters<Residents['hold']>[0]): Address => this.keep(this.residents.hold(values)).address;

  release(): void {
    for (const one of this.held.splice(0).reverse()) one.release();
  }
}

/** Where everything lies that is computed, handed over or handed back. */
function placeValues(plan: Schedule, state: DeviceState, call: CallBlock, results: ResultsBlock, owned: Owned) {
  const blocks = { call: owned.allocate(call.bytes), results: owned.allocate(results.bytes) };
  const addresses = new Map<Operand, Address>([['call', blocks.call]]);
  for (const [node, offset] of call.places) addresses.set(node, blocks.call + BigInt(offset));
  for (const [node, offset] of results.places) addresses.set(node, blocks.results + BigInt(offset));
  for (const [name, node] of Object.entries(plan.gradients)) addresses.set(node, state.address(name, 'gradient'));
  const buffers = planBuffers(plan.steps, (target) => addresses.has(target));
  const start = owned.allocate(buffers.bytes);
  for (const [target, offset] of buffers.offsets) addresses.set(target, start + BigInt(offset));
  return { ...blocks, addresses };
}

/** Where a parameter, data, or a constant lies. */
function residentAddress(operand: Operand, state: DeviceState, data: Bindings['data'], owned: Owned): Address {
  const { source, values } = leafOf(operand);
  if (source?.kind === 'parameter') return state.address(source.name);
  return owned.resident(source === undefined ? values! : data[source.name]);
}

function recordSteps(commands: Commands, { steps }: Schedule, addressOf: (operand: Operand) => Address): void {
  for (const step of steps) {
    const args = step.operands.map(addressOf);
    if (step.kind === 'product') commands.multiply(step.shape, args[0], args[1], args[2]);
    else commands.launch(step.name, step.shape, args);
  }
}

function recordUpdate(commands: Commands, { name, shape, sections }: UpdateKernel, state: DeviceState, call: Address) {
  if (state.sectionFloats === 0) return;
  const args = sections.map((section) => state.sectionAddress(section));
  commands.launch(name, shape, [...args, call + BigInt(COEFFICIENTS_START)]);
}

/** Each kernel once, behind the functions that kernels use. */
export function sourceOf({ steps }: Schedule, update: string): string {
  const kernels = new Set(steps.flatMap((step) => (step.kind === 'kernel' ? [step.source] : [])));
  return [philoxSource, foldingSource, ...kernels, update].join('\n');
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
