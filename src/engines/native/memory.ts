/** State in one piece of memory, over which the update runs in one pass. */

import type { Store } from '../checked.ts';
import type { Address } from '../compiled/residents.ts';
import type { ParameterSpec } from '../engine.ts';
import { FlatLayout } from '../flat-layout.ts';
import type { Library } from './library.ts';

/** Tensors start at multiples of 16 floats: a line of the cache, and the widest vector. */
const ALIGNMENT = 16;
const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Memory of states that nobody holds any more. */
const abandoned = new FinalizationRegistry<() => void>((free) => free());

export class NativeState implements Store {
  private readonly layout: FlatLayout;
  private readonly base: Address;
  private readonly values: Float32Array;

  constructor(library: Library, parameters: readonly ParameterSpec[], moments: readonly string[]) {
    this.layout = new FlatLayout(parameters, moments, ALIGNMENT);
    const base = library.allocate(this.layout.floats * BYTES);
    this.base = base;
    this.values = new Float32Array(library.view(base, this.layout.floats * BYTES));
    abandoned.register(this, () => library.free(base));
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

  read = (parameter: string, moment?: string): Float32Array => {
    const start = this.layout.startOf(parameter, moment);
    const held = this.values.subarray(start, start + this.layout.sizeOf(parameter));
    return this.layout.asInProgram(parameter, held);
  };

  write = (parameter: string, values: ArrayLike<number>, moment?: string): void => {
    this.values.set(this.layout.asInMemory(parameter, values), this.layout.startOf(parameter, moment));
  };
}
