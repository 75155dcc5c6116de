/** Whatever the number of threads: the same bits. */

import { describe, expect, it } from 'vitest';
import { prepare } from '../../../src/benchmarks/benchmark.ts';
import { firstLine } from '../../../src/engines/koffi.ts';
import { createNativeEngine } from '../../../src/engines/native/index.ts';

const opened = await createNativeEngine({ threads: 1 }).catch(firstLine);
const missing = typeof opened === 'string' ? opened : undefined;

describe.skipIf(missing !== undefined)(`training steps${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  const settings = { channels: [16, 24], hidden: [40], latent: 5 };

  /** All weights after three steps. */
  async function weightsWith(threads: number): Promise<Float32Array[]> {
    const engine = await createNativeEngine({ threads });
    const prepared = await prepare(engine, 'cifar-conv', { settings });
    for (let step = 0; step < 3; step++) await prepared.time();
    const weights = prepared.state.parameters.map(({ name }) => prepared.state.read(name).slice());
    await prepared.release();
    return weights;
  }

  it('have the same bits on 1, 2, 3, 4 and 8 threads', async () => {
    const alone = await weightsWith(1);
    expect(alone.every((values) => values.every(Number.isFinite))).toBe(true);
    for (const threads of [2, 3, 4, 8]) {
      const together = await weightsWith(threads);
      for (const [i, values] of together.entries())
        expect(Buffer.from(values.buffer)).toEqual(Buffer.from(alone[i].buffer));
    }
  });
});
