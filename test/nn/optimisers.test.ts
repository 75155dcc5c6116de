import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { type OptimiserName, optimisers } from '../../src/nn/optimisers.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram } from '../../src/tensor/program.ts';
import { parameter } from '../../src/tensor/tensor.ts';

/** Minimises ½ Σ cᵢ wᵢ² with an optimiser, and returns w after every step. */
async function descend(name: OptimiserName, steps: number, weightDecay: number) {
  const optimiser = optimisers[name]({ weightDecay });
  const engine = createReferenceEngine();
  const state = engine.allocate([{ name: 'w', shape: [2] }], optimiser.update.moments);
  state.write('w', [1, -2]);
  const w = parameter('w', [2]);
  const loss = w.square().mul(0.5).sum().add(w.sum().mul(3));
  const program = createProgram(
    'descend',
    { loss },
    { gradients: { w: gradients(loss, [w])[0] }, update: optimiser.update },
  );
  const executable = await engine.compile(program, { state, data: {} });
  const path: number[][] = [];
  for (let step = 1; step <= steps; step++) {
    await executable.run({ coefficients: optimiser.coefficients(step, 0.1) });
    path.push([...state.read('w')]);
  }
  return path;
}

/** The algorithm as its papers write it, in plain numbers. */
function adamByHand(steps: number, decay: number): number[][] {
  let w = [1, -2];
  let [m, v] = [
    [0, 0],
    [0, 0],
  ];
  return Array.from({ length: steps }, (_, i) => {
    const g = w.map((x) => x + 3);
    m = m.map((value, j) => 0.9 * value + 0.1 * g[j]);
    v = v.map((value, j) => 0.999 * value + 0.001 * g[j] ** 2);
    const [biasM, biasV] = [1 - 0.9 ** (i + 1), 1 - 0.999 ** (i + 1)];
    w = w.map((x, j) => x - 0.1 * decay * x - (0.1 * (m[j] / biasM)) / (Math.sqrt(v[j] / biasV) + 1e-8));
    return w;
  });
}

describe('optimisers', () => {
  it('adam is algorithm 1 of Kingma & Ba', async () => {
    const [path, expected] = [await descend('adam', 20, 0.5), adamByHand(20, 0)];
    path.flat().forEach((value, i) => {
      expect(value).toBeCloseTo(expected.flat()[i], 5);
    });
  });

  it('adamw decays the weights apart from the gradient', async () => {
    const [path, expected] = [await descend('adamw', 20, 0.5), adamByHand(20, 0.5)];
    path.flat().forEach((value, i) => {
      expect(value).toBeCloseTo(expected.flat()[i], 5);
    });
  });

  it('adamw without decay is adam', async () => {
    expect(await descend('adamw', 5, 0)).toEqual(await descend('adam', 5, 0));
  });
});
