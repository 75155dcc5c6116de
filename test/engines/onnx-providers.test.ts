import { describe, expect, it } from 'vitest';
import { withShiftedLogSumExp } from '../../src/engines/onnx/shifted.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { createProgram, rootsOf } from '../../src/tensor/program.ts';
import { argument, topologicalOrder } from '../../src/tensor/tensor.ts';

describe('logSumExp for a provider that does not shift it', () => {
  it('is another expression with the same values', async () => {
    const x = argument('x', [3, 2]);
    const program = createProgram('sums', { rows: x.logSumExp(1), kept: x.logSumExp(0, true), all: x.logSumExp() });
    const shifted = withShiftedLogSumExp(program);
    expect(topologicalOrder(rootsOf(shifted)).map(({ primitive }) => primitive)).not.toContain('logSumExp');
    const engine = createReferenceEngine();
    const given = { arguments: { x: Float32Array.of(1000, 1000, -1000, -1001, Number.NEGATIVE_INFINITY, 3) } };
    const run = async (one: typeof program) =>
      (await engine.compile(one, { state: engine.allocate([], []), data: {} })).run(given);
    expect(await run(shifted)).toEqual(await run(program));
  });
});
