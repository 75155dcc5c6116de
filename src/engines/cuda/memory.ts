/** State in one piece of the device's memory, over which the update runs in one pass. */

import type { Store } from '../checked.ts';
import { EngineError, type ParameterSpec } from '../engine.ts';
import { FlatLayout } from '../flat-layout.ts';
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

export class DeviceState implements Store {
  private readonly device: Device;
  private readonly layout: FlatLayout;
  private readonly base: Address;

  constructor(device: Device, parameters: readonly ParameterSpec[], moments: readonly string[]) {
    this.device = device;
    this.layout = new FlatLayout(parameters, moments, ALIGNMENT);
    const base = device.allocate(Math.max(1, this.layout.floats) * BYTES);
    this.base = base;
    abandoned.register(this, () => device.free(base));
  }

  /** Floats of one section, be it the parameters, one moment, or the gradients. */
  get sectionFloats(): number {
    return this.layout.sectionFloats;
  }

  /** Where a section starts. */
  sectionAddress = (section: string): Address => this.base + BigInt(this.layout.sectionStart(section) * BYTES);

  /** Where a parameter, one of its moments, or its gradient starts. */
  address = (parameter: string, section?: string): Address =>
    this.base + BigInt(this.layout.startOf(parameter, section) * BYTES);

  read(parameter: string, moment?: string): Float32Array {
    const values = new Float32Array(this.layout.sizeOf(parameter));
    this.device.read(this.address(parameter, moment), values);
    return this.layout.asInProgram(parameter, values);
  }

  write(parameter: string, values: ArrayLike<number>, moment?: string): void {
    const held = Float32Array.from(this.layout.asInMemory(parameter, values));
    this.device.write(this.address(parameter, moment), held);
  }
}
