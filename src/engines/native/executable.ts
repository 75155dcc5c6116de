/** A program in memory: where its values lie, its compiled source, and calls of it. */

import type { Program } from '../../tensor/program.ts';
import type { CompleteCall } from '../checked.ts';
import type { Operand } from '../compiled/arguments.ts';
import { planBuffers } from '../compiled/buffers.ts';
import { COEFFICIENTS_START, layoutCall, layoutResults } from '../compiled/call-block.ts';
import { leafOf } from '../compiled/leaves.ts';
import type { Address, Residents } from '../compiled/residents.ts';
import type { Bindings, Executable } from '../engine.ts';
import type { Library } from './library.ts';
import type { NativeState } from './memory.ts';
import { schedule } from './schedule.ts';
import { sourcesOf } from './source.ts';

export interface NativeExecutable extends Executable {
  /** What it reads and writes, and so keeps from being freed. */
  readonly state: NativeState;
}

export async function createExecutable(
  program: Program,
  state: NativeState,
  data: Bindings['data'],
  library: Library,
  residents: Residents,
): Promise<NativeExecutable> {
  const plan = schedule(program, library.tile, state.sectionFloats);
  const [call, results] = [layoutCall(program), layoutResults(plan)];
  const held: (() => void)[] = [];
  const release = (): void => {
    for (const free of held.splice(0).reverse()) free();
  };
  const allocate = (bytes: number): Address => {
    const address = library.allocate(bytes);
    held.push(() => library.free(address));
    return address;
  };
  try {
    const [callAt, resultsAt] = [allocate(call.bytes), allocate(results.bytes)];
    const addresses = new Map<Operand, Address>([['call', callAt]]);
    for (const [node, offset] of call.places) addresses.set(node, callAt + BigInt(offset));
    for (const [node, offset] of results.places) addresses.set(node, resultsAt + BigInt(offset));
    for (const [name, node] of Object.entries(plan.gradients)) addresses.set(node, state.address(name, 'gradient'));
    plan.update?.operands.forEach((operand, i) => {
      const section = plan.update!.sections[i];
      addresses.set(
        operand,
        section === undefined ? callAt + BigInt(COEFFICIENTS_START) : state.sectionAddress(section),
      );
    });
    const buffers = planBuffers(plan.phases, (target) => addresses.has(target));
    const start = allocate(buffers.bytes);
    for (const [target, offset] of buffers.offsets) addresses.set(target, start + BigInt(offset));
    const addressOf = (operand: Operand): Address => {
      const known = addresses.get(operand);
      if (known !== undefined) return known;
      const { source, values } = leafOf(operand);
      if (source?.kind === 'parameter') return state.address(source.name);
      const resident = residents.hold(source === undefined ? values! : data[source.name]);
      held.push(() => resident.release());
      return resident.address;
    };

    const operands = new Map<Operand, number>();
    const sources = sourcesOf(plan.phases, (operand) => {
      const known = operands.get(operand) ?? operands.size;
      operands.set(operand, known);
      return known;
    });
    const pointers = allocate(8 * operands.size);
    new BigUint64Array(library.view(pointers, 8 * operands.size)).set([...operands.keys()].map(addressOf));
    const compiled = await library.compile(sources);
    held.push(() => compiled.release());

    const [callBytes, resultBytes] = [library.view(callAt, call.bytes), library.view(resultsAt, results.bytes)];
    let last: Promise<unknown> = Promise.resolve();
    return {
      state,
      run: async (given: CompleteCall) => {
        call.fill(callBytes, given);
        const done = compiled.run(pointers);
        last = done;
        await done;
        return results.collect(resultBytes);
      },
      release: async () => {
        await last;
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}
