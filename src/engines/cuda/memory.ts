/**
 * State in one piece of the device's memory: every parameter, then every moment, then every gradient, in the same order,
 * so that the update runs over all of it in one pass. Filters have their channels last.
 */

import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { asInMemory, asInProgram } from '../channels-last/layout.ts';
import { EngineError, expectLength, type ParameterSpec, type State } from '../engine.ts';
import type { Address, Device } from './device.ts';

/** Tensors start at multiples of 64 floats, 256 bytes: where the fastest matrix products may start. */
const ALIGNMENT = 64;
const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Memory of states that nobody holds any more. A device that is lost has freed it already, and nobody waits for this. */
const abandoned = new FinalizationRegistry<() => void>((free) => {
  try {
    free();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
  }
});

export class DeviceState implements State {
  readonly parameters: readonly ParameterSpec[];
  readonly moments: readonly string[];
  readonly device: Device;
  /** Floats of one section, be it the parameters, one moment, or the gradients. */
  readonly sectionFloats: number;
  private readonly base: Address;
  private readonly places = new Map<string, { readonly start: number; readonly size: number; readonly shape: Shape }>();

  constructor(device: Device, parameters: readonly ParameterSpec[], moments: readonly string[]) {
    this.device = device;
    this.parameters = parameters;
    this.moments = moments;
    let floats = 0;
    for (const { name, shape } of parameters) {
      const size = sizeOf(shape);
      this.places.set(name, { start: floats, size, shape });
      floats += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    }
    this.sectionFloats = floats;
    const base = device.allocate(Math.max(1, floats * this.sections.length) * BYTES);
    this.base = base;
    abandoned.register(this, () => device.free(base));
  }

  /** The sections in their order in memory. */
  get sections(): readonly string[] {
    return ['parameter', ...this.moments, 'gradient'];
  }

  /** Where a section starts. */
  sectionAddress(section: string): Address {
    const index = this.sections.indexOf(section);
    if (index < 0) throw new EngineError(`state has no ${section}`);
    return this.base + BigInt(index * this.sectionFloats * BYTES);
  }

  /** Where a parameter, one of its moments, or its gradient starts. */
  address(parameter: string, section = 'parameter'): Address {
    return this.sectionAddress(section) + BigInt(this.place(parameter).start * BYTES);
  }

  sizeOf = (parameter: string): number => this.place(parameter).size;

  read(parameter: string, moment?: string): Float32Array {
    const values = new Float32Array(this.sizeOf(parameter));
    this.device.read(this.address(parameter, moment), values);
    return asInProgram(values, this.place(parameter).shape);
  }

  write(parameter: string, values: ArrayLike<number>, moment?: string): void {
    expectLength(values, this.sizeOf(parameter), `state "${parameter}"`);
    const held = asInMemory(values, this.place(parameter).shape);
    this.device.write(this.address(parameter, moment), Float32Array.from(held));
  }

  private place(parameter: string) {
    const place = this.places.get(parameter);
    if (place === undefined) throw new EngineError(`state has no parameter "${parameter}"`);
    return place;
  }
}
