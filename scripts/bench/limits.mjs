/** What the machine could do at best: the rate of a large matrix product, and of copying memory, as an engine reaches them. */

import { createProgram } from '../../dist/tensor/program.js';
import { argument } from '../../dist/tensor/tensor.js';

const SIDE = 1024;
/** 64 MiB: beyond the caches of most machines. */
const LARGE = 2 ** 24;
const CALLS = 12;

async function fastest(engine, output, inputs) {
  const executable = await engine.compile(createProgram('limit', { output }), {
    state: engine.allocate([], []),
    data: {},
  });
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < CALLS; i++) {
    const began = performance.now();
    await executable.run({ arguments: inputs });
    best = Math.min(best, performance.now() - began);
  }
  await executable.release();
  return best;
}

/** Multiply-adds per millisecond, and bytes per millisecond. */
export async function limitsOf(engine) {
  const matrix = argument('matrix', [SIDE, SIDE]);
  const values = new Float32Array(SIDE * SIDE).fill(0.5);
  // Summed, so that the result is not what takes the time.
  const product = await fastest(engine, matrix.matmul(matrix).sum(), { matrix: values });
  const plain = await fastest(engine, matrix.sum(), { matrix: values });
  const long = argument('long', [SIDE, LARGE / SIDE]);
  const many = { long: new Float32Array(LARGE).fill(0.5) };
  const once = await fastest(engine, long.sum(), many);
  const twice = await fastest(engine, long.add(1).sum(), many);
  return {
    multiplyAdds: SIDE ** 3 / (product - plain),
    bytes: (2 * LARGE * Float32Array.BYTES_PER_ELEMENT) / Math.max(twice - once, 1e-3),
  };
}
