/**
 * State in one flat WebAssembly memory: every parameter, then every moment, then every gradient, in the same order.
 *
 * Its views are what a session reads and writes, and the update runs over all of it in one pass. The memory never
 * grows, because growing would detach the views.
 */

import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { EngineError, expectLength, type ParameterSpec, type State } from '../engine.ts';
import { isHeldLast } from './channels-last.ts';

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

/** The last two of a filter's axes once its taps are one: channels and taps as a program has them, and as they lie. */
const inProgram = ([outputs, channels, ...kernel]: Shape) => [outputs, channels, sizeOf(kernel)] as const;
const inMemory = (shape: Shape) => {
  const [outputs, channels, taps] = inProgram(shape);
  return [outputs, taps, channels] as const;
};

/** [N, R, C] → [N, C, R] */
function swapped(
  values: ArrayLike<number>,
  [count, rows, columns]: readonly [number, number, number],
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  let next = 0;
  for (let i = 0; i < count; i++) {
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) result[next++] = values[(i * rows + row) * columns + column];
    }
  }
  return result;
}

export class FlatMemory implements State {
  readonly parameters: readonly ParameterSpec[];
  readonly moments: readonly string[];
  readonly memory: WebAssembly.Memory;
  /** Bytes of one section, be it the parameters, one moment, or the gradients. */
  readonly sectionBytes: number;
  private readonly places = new Map<string, Place>();

  constructor(parameters: readonly ParameterSpec[], moments: readonly string[]) {
    this.parameters = parameters;
    this.moments = moments;
    let floats = 0;
    for (const { name, shape } of parameters) {
      const size = sizeOf(shape);
      this.places.set(name, { start: floats * BYTES, size, shape });
      floats += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    }
    this.sectionBytes = floats * BYTES;
    const pages = Math.max(1, Math.ceil((this.sectionBytes * this.sections.length) / PAGE_BYTES));
    try {
      this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
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
    const values = this.view(parameter, moment).slice();
    const { shape } = this.placeOf(parameter);
    return isHeldLast(shape) ? swapped(values, inMemory(shape)) : values;
  }

  write(parameter: string, values: ArrayLike<number>, moment?: string): void {
    const view = this.view(parameter, moment);
    expectLength(values, view.length, `state "${parameter}"`);
    const { shape } = this.placeOf(parameter);
    view.set(isHeldLast(shape) ? swapped(values, inProgram(shape)) : values);
  }

  private placeOf(parameter: string): Place {
    const place = this.places.get(parameter);
    if (place === undefined) throw new EngineError(`state has no parameter "${parameter}"`);
    return place;
  }
}
