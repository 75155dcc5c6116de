/** What an engine is: it keeps state and data where it computes, compiles programs, and runs each as one call. */

import { UserError } from '../base/errors.ts';
import { fillNoise } from '../random/random.ts';
import type { NumericArray, Source } from '../tensor/primitives.ts';
import type { Program } from '../tensor/program.ts';
import type { Shape } from '../tensor/shape.ts';

export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
}

/** Parameters and their moments, kept by an engine. All programs of one model share one state. */
export interface State {
  readonly parameters: readonly ParameterSpec[];
  readonly moments: readonly string[];
  /** A copy of a parameter, or of one of its moments. */
  read(parameter: string, moment?: string): Float32Array;
  write(parameter: string, values: ArrayLike<number>, moment?: string): void;
}

/** What a program's inputs are bound to for as long as it is compiled. */
export interface Bindings {
  readonly state: State;
  readonly data: Readonly<Record<string, Uint8Array | Int32Array | Float32Array>>;
}

/** What one call of a program is given. */
export interface Call {
  readonly arguments?: Readonly<Record<string, NumericArray>>;
  /** Selects the noise; a program with noise inputs needs it. */
  readonly noise?: { readonly seed: number; readonly step: number };
  /** The update's coefficients; a program that trains needs them. */
  readonly coefficients?: Readonly<Record<string, number>>;
}

export type Results = Readonly<Record<string, Float32Array>>;

export interface Executable {
  /**
   * Computes the outputs, and where the program trains, applies its update to the state.
   * The arrays belong to the executable and are overwritten by its next call; to the caller where the engine runs ahead.
   */
  run(call: Call): Promise<Results>;
  /** Frees what the executable holds. It cannot run afterwards. */
  release(): Promise<void>;
}

export interface Engine {
  /** The device's name that always means this engine: `onnx` where `auto` was asked for. */
  readonly name: string;
  /** The device and precision, as a person reads them: "CPU, 2 threads, float32". */
  readonly description: string;
  /**
   * Calls that may be under way at once, of all its executables together: 1 by default. Where it is more, `run` may be
   * called again before an earlier call has resolved, and calls take effect in their order.
   */
  readonly runsAhead?: number;
  allocate(parameters: readonly ParameterSpec[], moments: readonly string[]): State;
  compile(program: Program, bindings: Bindings): Promise<Executable>;
}

/** The precision of matrix products: 24 bits of every factor count with `float32`, 11 with `tf32`, 8 with `bf16`. */
export const PRECISIONS = ['float32', 'tf32', 'bf16'] as const;
export type Precision = (typeof PRECISIONS)[number];

export interface EngineOptions {
  readonly threads: number;
  /** float32 by default; an engine that has no choice ignores it. */
  readonly precision?: Precision;
  /** Whether nobody asked for it by name, so that it should not run where others are faster. */
  readonly isUnasked?: boolean;
  /** Gets one line about an engine that should work here and does not, where another takes its place. */
  readonly warn?: (line: string) => void;
}

/** The engine cannot run here, or cannot run this program. The message says what to do. */
export class EngineError extends UserError {
  override readonly name = 'EngineError';
}

/** What the engine needs is not on this machine. That is no fault: another engine takes its place without a warning. */
export class MissingError extends EngineError {}

/** What holds the values of each type on the host. */
export const ARRAYS = { float: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array } as const;

/** The values that a program's noise has in a call, made anew. */
export function drawNoise(
  size: number,
  { stream, distribution }: Extract<Source, { kind: 'noise' }>,
  noise: NonNullable<Call['noise']>,
): Float32Array {
  const values = new Float32Array(size);
  fillNoise(values, distribution, { ...noise, stream });
  return values;
}
