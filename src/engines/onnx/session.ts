/** What runs a graph. Its memory is bound once; each call reads inputs from it and writes outputs to it, in place. */

import type { DType, NumericArray } from '../../tensor/primitives.ts';
import type { Shape } from '../../tensor/shape.ts';

/** An input or an output of a graph, and the memory it has for as long as the session lives. */
export interface BoundTensor {
  readonly name: string;
  readonly values: NumericArray;
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface BoundGraph {
  /** An encoded ONNX model. */
  readonly model: Uint8Array;
  readonly inputs: readonly BoundTensor[];
  readonly outputs: readonly BoundTensor[];
  readonly threads: number;
  /** One of onnxruntime's execution providers. */
  readonly provider: string;
}

export interface Session {
  /** Runs the graph once, after the event loop had its turn: the run itself blocks it. Throws what onnxruntime says. */
  run(): Promise<void>;
  /** Frees what onnxruntime holds. */
  release(): Promise<void>;
}

/** How graphs run. */
export interface Sessions {
  open(graph: BoundGraph): Promise<Session>;
  /** Whether a graph's arrays may lie in memory that threads share. */
  readonly takeShared: boolean;
}

/**
 * Options that are always on, in the library's group `session`.
 *
 * Importance weights reach below 2⁻¹²⁶, where each operation costs a hundred cycles: with zero for such numbers, 600 steps
 * of the IWAE on MNIST take 14 s where they took 34. The library's threads wait busily for its next operation; after a
 * run the cores belong to others.
 */
export const SESSION_OPTIONS: Readonly<Record<string, string>> = {
  set_denormal_as_zero: '1',
  force_spinning_stop: '1',
};

/** Fatal errors only. They come back as exceptions; the library's own lines are not for the user. */
export const LOG_SEVERITY = 4;
