/** What the machine could do at best: the rate of a large matrix product, and of reading memory, as an engine reaches them. */

import { createProgram } from '../../dist/tensor/program.js';
import { argument, parameter } from '../../dist/tensor/tensor.js';

const SIDE = 1024;
/** 64 MiB: beyond the caches of most machines. */
const LARGE = 2 ** 24;
const CALLS = 12;

async function fastest(engine, output, inputs, state = []) {
  const executable = await engine.compile(createProgram('limit', { output }), {
    state: engine.allocate(state, []),
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
  // What an engine holds, so that nothing is handed over first.
  const held = { name: 'long', shape: [SIDE, LARGE / SIDE] };
  const read = await fastest(engine, parameter(held.name, held.shape).sum(), {}, [held]);
  return {
    multiplyAdds: SIDE ** 3 / (product - plain),
    bytes: (LARGE * Float32Array.BYTES_PER_ELEMENT) / read,
  };
}
