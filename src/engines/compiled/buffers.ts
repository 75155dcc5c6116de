/** Where intermediate values lie: places are used again once nobody reads them any more. */

import type { Tensor } from '../../tensor/tensor.ts';
import { bytesOf, type Operand, type Temporary } from './arguments.ts';

/** Every place starts at a multiple of this, as the fastest matrix products want. */
export const ALIGNMENT = 256;

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

export interface Buffers {
  readonly offsets: ReadonlyMap<Tensor | Temporary, number>;
  /** The size of all of them together. */
  readonly bytes: number;
}

/** What a step reads and writes, and those of them that it writes. */
export interface Use {
  readonly operands: readonly Operand[];
  readonly written: readonly (Tensor | Temporary)[];
}

interface Place {
  readonly start: number;
  readonly end: number;
  readonly lastStep: number;
}

/** Plans places for what the steps write and nobody else keeps; the steps run one after the other. */
export function planBuffers(steps: readonly Use[], isKept: (target: Tensor | Temporary) => boolean): Buffers {
  const lastUse = new Map<unknown, number>();
  steps.forEach(({ operands }, i) => {
    for (const operand of operands) lastUse.set(operand, i);
  });
  const offsets = new Map<Tensor | Temporary, number>();
  let live: Place[] = [];
  let bytes = 0;
  steps.forEach(({ written }, i) => {
    // A step may not write where it reads, so what it reads last is free only after it.
    live = live.filter(({ lastStep }) => lastStep >= i);
    for (const target of written) {
      if (isKept(target)) continue;
      const size = aligned(bytesOf(target));
      const start = firstGap(live, size);
      offsets.set(target, start);
      live.push({ start, end: start + size, lastStep: lastUse.get(target)! });
      bytes = Math.max(bytes, start + size);
    }
  });
  return { offsets, bytes };
}

/** The smallest gap between live places that is large enough, or the end. */
function firstGap(live: readonly Place[], size: number): number {
  let best: { start: number; spare: number } | undefined;
  let end = 0;
  for (const place of [...live].sort((a, b) => a.start - b.start)) {
    const spare = place.start - end - size;
    if (spare >= 0 && (best === undefined || spare < best.spare)) best = { start: end, spare };
    end = Math.max(end, place.end);
  }
  return best?.start ?? end;
}
