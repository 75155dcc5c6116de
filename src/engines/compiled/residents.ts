/** Arrays that stay in a target's memory: copied once, however many programs read them, and freed with the last. */

import type { NumericArray } from '../../tensor/primitives.ts';

/** Where something lies in a target's memory. */
export type Address = bigint;

/** A target's memory. */
export interface Memory {
  allocate(bytes: number): Address;
  free(address: Address): void;
  /** Copies now: done on return. */
  write(address: Address, values: ArrayBufferView): void;
}

export interface Resident {
  readonly address: Address;
  release(): void;
}

export class Residents {
  private readonly memory: Memory;
  private readonly held = new Map<NumericArray, { readonly address: Address; holders: number }>();

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** The place of these values, which must not change while it is held. */
  hold(values: NumericArray): Resident {
    const entry = this.held.get(values) ?? this.copy(values);
    entry.holders++;
    return {
      address: entry.address,
      release: () => {
        entry.holders--;
        if (entry.holders > 0) return;
        this.held.delete(values);
        this.memory.free(entry.address);
      },
    };
  }

  private copy(values: NumericArray) {
    const entry = { address: this.memory.allocate(values.byteLength), holders: 0 };
    this.memory.write(entry.address, values);
    this.held.set(values, entry);
    return entry;
  }
}
