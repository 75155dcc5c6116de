/**
 * How a state lies in one piece of memory: every parameter, then every moment, then every gradient, in the same order, so
 * that an update runs over all of it in one pass. Filters have their channels last. Positions are in floats.
 */

import { type Shape, sizeOf } from '../tensor/shape.ts';
import { asInMemory, asInProgram } from './channels-last/layout.ts';
import type { ParameterSpec } from './engine.ts';

interface Place {
  /** From the start of a section. */
  readonly start: number;
  readonly size: number;
  readonly shape: Shape;
}

export class FlatLayout {
  /** The sections in their order in memory. */
  readonly sections: readonly string[];
  /** The size of one section. */
  readonly sectionFloats: number;
  private readonly places = new Map<string, Place>();

  /** @param alignment every parameter starts at a multiple of it. */
  constructor(parameters: readonly ParameterSpec[], moments: readonly string[], alignment: number) {
    this.sections = ['parameter', ...moments, 'gradient'];
    let floats = 0;
    for (const { name, shape } of parameters) {
      const size = sizeOf(shape);
      this.places.set(name, { start: floats, size, shape });
      floats += Math.ceil(size / alignment) * alignment;
    }
    this.sectionFloats = floats;
  }

  /** The size of all sections together. */
  get floats(): number {
    return this.sections.length * this.sectionFloats;
  }

  sectionStart = (section: string): number => this.sections.indexOf(section) * this.sectionFloats;

  sizeOf = (parameter: string): number => this.places.get(parameter)!.size;

  /** Where a parameter, one of its moments, or its gradient starts. */
  startOf = (parameter: string, section = 'parameter'): number =>
    this.sectionStart(section) + this.places.get(parameter)!.start;

  /** A parameter's values from the program's order to that in memory. */
  asInMemory = (parameter: string, values: ArrayLike<number>): ArrayLike<number> =>
    asInMemory(values, this.places.get(parameter)!.shape);

  /** A copy of a parameter's values from the order in memory to the program's. */
  asInProgram = (parameter: string, values: Float32Array): Float32Array =>
    asInProgram(values, this.places.get(parameter)!.shape);
}
