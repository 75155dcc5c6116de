/** What an engine is: it keeps state and data where it computes, compiles programs, and runs each as one call. */

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

/** What one run is given. */
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
   * The arrays belong to the executable and are overwritten by its next run; to the caller where the engine runs ahead.
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
   * Runs that may be under way at once, of all its executables together: 1 where it is not named. Where it is more, `run`
   * may be called again before an earlier run has resolved, and the runs take effect in the order of the calls.
   */
  readonly runsAhead?: number;
  allocate(parameters: readonly ParameterSpec[], moments: readonly string[]): State;
  compile(program: Program, bindings: Bindings): Promise<Executable>;
}

/** Of matrix products. `float32`: 24 bits of every factor count; with `tf32` and `bf16`, 11 and 8 of them. */
export const PRECISIONS = ['float32', 'tf32', 'bf16'] as const;
export type Precision = (typeof PRECISIONS)[number];

export interface EngineOptions {
  readonly threads: number;
  /** float32 unless said; an engine that has no choice ignores it. */
  readonly precision?: Precision;
  /** Told, in one line, of an engine that should work here and does not, where another takes its place. */
  readonly warn?: (line: string) => void;
}

/** The engine cannot run here, or cannot run this program. The message says what to do. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
}

/** What the engine needs is not on this machine, which is no fault of the machine: others take its place in silence. */
export class MissingError extends EngineError {}

/** Fetches what a run must have been given. */
export function required<T>(values: Readonly<Record<string, T>> | undefined, name: string, what: string): T {
  const value = values?.[name];
  if (value === undefined) throw new EngineError(`${what} "${name}" is missing`);
  return value;
}

/** Checks that an array fills a shape. */
export function expectLength(values: ArrayLike<unknown>, size: number, what: string): void {
  if (values.length !== size) throw new EngineError(`${what}: expected ${size} values, got ${values.length}`);
}

/** The values that a program's noise has in this call, made anew. */
export function drawNoise(
  size: number,
  { stream, distribution }: Extract<Source, { kind: 'noise' }>,
  { noise }: Call,
  program: string,
): Float32Array {
  if (noise === undefined) throw new EngineError(`program ${program} needs noise`);
  const values = new Float32Array(size);
  fillNoise(values, distribution, { ...noise, stream });
  return values;
}

/** Checks a program whose update runs over a whole state: every parameter has its gradient, every moment its place. */
export function expectWholeUpdate({ name, update, gradients }: Program, state: State): void {
  if (update === undefined) return;
  const missing = state.parameters.find((parameter) => gradients[parameter.name] === undefined);
  if (missing !== undefined) throw new EngineError(`program ${name} has no gradient for "${missing.name}"`);
  const moment = update.moments.find((m) => !state.moments.includes(m));
  if (moment !== undefined) throw new EngineError(`program ${name} needs the moment "${moment}" in its state`);
}
