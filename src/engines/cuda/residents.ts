/** Arrays that stay on the device: each is uploaded once, however many programs read it, and freed with the last. */

import type { NumericArray } from '../../tensor/primitives.ts';
import type { Address, Device } from './device.ts';

export interface Resident {
  readonly address: Address;
  release(): void;
}

export class Residents {
  private readonly device: Device;
  private readonly held = new Map<NumericArray, { readonly address: Address; holders: number }>();

  constructor(device: Device) {
    this.device = device;
  }

  /** The place of these values, which must not change while it is held. */
  hold(values: NumericArray): Resident {
    const entry = this.held.get(values) ?? this.upload(values);
    entry.holders++;
    return {
      address: entry.address,
      release: () => {
        entry.holders--;
        if (entry.holders > 0) return;
        this.held.delete(values);
        this.device.free(entry.address);
      },
    };
  }

  private upload(values: NumericArray) {
    const entry = { address: this.device.allocate(values.byteLength), holders: 0 };
    this.device.write(entry.address, values);
    this.held.set(values, entry);
    return entry;
  }
}
