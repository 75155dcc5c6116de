/**
 * State in one flat WebAssembly memory. Its views are what a session reads and writes, and the update runs over all of
 * it. The memory never grows, because growing would detach the views.
 */

import type { Store } from '../checked.ts';
import { EngineError, type ParameterSpec } from '../engine.ts';
import { FlatLayout } from '../flat-layout.ts';

/** Tensors start at multiples of 16 floats: a cache line, and a whole number of SIMD vectors. */
const ALIGNMENT = 16;
const PAGE_BYTES = 65536;
const BYTES = Float32Array.BYTES_PER_ELEMENT;

export class FlatMemory implements Store {
  readonly memory: WebAssembly.Memory;
  readonly isShared: boolean;
  private readonly layout: FlatLayout;

  /** @param isShared whether other threads may be handed the memory. */
  constructor(parameters: readonly ParameterSpec[], moments: readonly string[], isShared = false) {
    this.isShared = isShared;
    this.layout = new FlatLayout(parameters, moments, ALIGNMENT);
    const pages = Math.max(1, Math.ceil((this.layout.floats * BYTES) / PAGE_BYTES));
    try {
      this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: isShared });
    } catch {
      const megabytes = Math.ceil((pages * PAGE_BYTES) / 2 ** 20);
      throw new EngineError(
        `${megabytes} MiB in one piece, for the model's parameters and optimiser state, could not be allocated; use a smaller model`,
      );
    }
  }

  /** The sections in their order in memory. */
  get sections(): readonly string[] {
    return this.layout.sections;
  }

  /** Bytes of one section, be it the parameters, one moment, or the gradients. */
  get sectionBytes(): number {
    return this.layout.sectionFloats * BYTES;
  }

  /** Where a section starts, in bytes. */
  sectionStart = (section: string): number => this.layout.sectionStart(section) * BYTES;

  /** The live view of a parameter, of one of its moments, or of its gradient; filters have their channels last. */
  view = (parameter: string, section?: string): Float32Array =>
    new Float32Array(
      this.memory.buffer,
      this.layout.startOf(parameter, section) * BYTES,
      this.layout.sizeOf(parameter),
    );

  read = (parameter: string, moment?: string): Float32Array =>
    this.layout.asInProgram(parameter, this.view(parameter, moment));

  write = (parameter: string, values: ArrayLike<number>, moment?: string): void =>
    this.view(parameter, moment).set(this.layout.asInMemory(parameter, values));
}
