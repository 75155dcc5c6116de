/** Refuses what this machine's memory cannot hold, before any of it is taken: afterwards the system ends the process. */

import { totalmem } from 'node:os';
import { peakBytes } from '../tensor/footprint.ts';
import type { Program } from '../tensor/program.ts';
import { sizeOf } from '../tensor/shape.ts';
import { EngineError, type ParameterSpec } from './engine.ts';

/** Engines take a fifth more than the estimate at least, and the rest of the process needs some too. */
const USABLE = 0.75;
const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Bytes that the machine has, or the container that the process is in. */
function memory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** @throws EngineError with the estimate and what there is. */
function expectRoom(bytes: number, what: string, remedy: string): void {
  const most = memory();
  if (bytes <= USABLE * most) return;
  const [needed, present] = [bytes, most].map((value) => (value / 2 ** 30).toPrecision(3));
  throw new EngineError(
    `${what} about ${Number(needed)} GiB of memory, and this machine has ${Number(present)}; ${remedy}`,
  );
}

/** Room for a program's values. */
export const expectRoomFor = (program: Program): void =>
  expectRoom(
    peakBytes(program),
    `program "${program.name}" needs`,
    'use a smaller batch, fewer samples, smaller images or a smaller network',
  );

/** Room for parameters, their gradients and moments. */
export function expectRoomForState(parameters: readonly ParameterSpec[], moments: readonly string[]): void {
  const values = parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const copies = moments.length > 0 ? moments.length + 2 : 1;
  expectRoom(
    copies * values * FLOAT_BYTES,
    "the model's parameters and optimiser state need",
    'use a smaller network or smaller images',
  );
}
