/**
 * State in one flat WebAssembly memory: every parameter, then every moment, then every gradient, in the same order.
 *
 * Its views are what a session reads and writes, and the update runs over all of it in one pass. The memory never
 * grows, because growing would detach the views.
 */

import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { asInMemory, asInProgram } from '../channels-last/layout.ts';
import { EngineError, expectLength, type ParameterSpec, type State } from '../engine.ts';

/** Tensors start at multiples of 16 floats: a cache line, and a whole number of SIMD vectors. */
const ALIGNMENT = 16;
const PAGE_BYTES = 65536;
const BYTES = Float32Array.BYTES_PER_ELEMENT;

interface Place {
  /** In bytes, from the start of a section. */
  readonly start: number;
  readonly size: number;
  readonly shape: Shape;
}

export class FlatMemory implements State {
  readonly parameters: readonly ParameterSpec[];
  readonly moments: readonly string[];
  readonly memory: WebAssembly.Memory;
  readonly isShared: boolean;
  /** Bytes of one section, be it the parameters, one moment, or the gradients. */
  readonly sectionBytes: number;
  private readonly places = new Map<string, Place>();

  /** @param isShared whether other threads may be handed the memory. */
  constructor(parameters: readonly ParameterSpec[], moments: readonly string[], isShared = false) {
    this.parameters = parameters;
    this.moments = moments;
    this.isShared = isShared;
    let floats = 0;
    for (const { name, shape } of parameters) {
      const size = sizeOf(shape);
      this.places.set(name, { start: floats * BYTES, size, shape });
      floats += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    }
    this.sectionBytes = floats * BYTES;
    const pages = Math.max(1, Math.ceil((this.sectionBytes * this.sections.length) / PAGE_BYTES));
    try {
      this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: isShared });
    } catch {
      const megabytes = Math.ceil((pages * PAGE_BYTES) / 2 ** 20);
      throw new EngineError(
        `the model's parameters and optimiser state need ${megabytes} MiB in one piece, which cannot be had; use a smaller model`,
      );
    }
  }

  /** The sections in their order in memory. */
  get sections(): readonly string[] {
    return ['parameter', ...this.moments, 'gradient'];
  }

  /** Where a section starts, in bytes. */
  sectionStart = (section: string): number => this.sections.indexOf(section) * this.sectionBytes;

  /** The live view of a parameter, of one of its moments, or of its gradient; filters have their channels last. */
  view(parameter: string, section = 'parameter'): Float32Array {
    if (!this.sections.includes(section)) throw new EngineError(`state has no ${section} "${parameter}"`);
    const { start, size } = this.placeOf(parameter);
    return new Float32Array(this.memory.buffer, this.sectionStart(section) + start, size);
  }

  read(parameter: string, moment?: string): Float32Array {
    return asInProgram(this.view(parameter, moment), this.placeOf(parameter).shape);
  }

  write(parameter: string, values: ArrayLike<number>, moment?: string): void {
    const view = this.view(parameter, moment);
    expectLength(values, view.length, `state "${parameter}"`);
    view.set(asInMemory(values, this.placeOf(parameter).shape));
  }

  private placeOf(parameter: string): Place {
    const place = this.places.get(parameter);
    if (place === undefined) throw new EngineError(`state has no parameter "${parameter}"`);
    return place;
  }
}
