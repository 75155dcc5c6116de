/** An average of the weights is kept beside them, and changes nothing of them. */

import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engines/engine.ts';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { AVERAGE, averaged } from '../../src/nn/averaging.ts';
import { type Optimiser, type OptimiserName, optimisers } from '../../src/nn/optimisers.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram } from '../../src/tensor/program.ts';
import { parameter } from '../../src/tensor/tensor.ts';

const DECAY = 0.3;
const STEPS = 5;

/** Minimises ½ Σ w² + 3 Σ w; w and its moments after every step. */
async function descend(optimiser: Optimiser, engine: Engine) {
  const { update } = optimiser;
  const state = engine.allocate([{ name: 'w', shape: [3] }], update.moments);
  state.write('w', [1, -2, 5]);
  const w = parameter('w', [3]);
  const loss = w.square().mul(0.5).sum().add(w.sum().mul(3));
  const program = createProgram('descend', { loss }, { gradients: { w: gradients(loss, [w])[0] }, update });
  const executable = await engine.compile(program, { state, data: {} });
  const path: Readonly<Record<string, readonly number[]>>[] = [];
  for (let step = 1; step <= STEPS; step++) {
    await executable.run({ coefficients: optimiser.coefficients(step, 0.1) });
    const moments = update.moments.map((moment) => [moment, [...state.read('w', moment)]]);
    path.push({ w: [...state.read('w')], ...Object.fromEntries(moments) });
  }
  return path;
}

const engines = { onnx: await createOnnxEngine({ threads: 1 }), reference: createReferenceEngine() };
const settings = { momentum: 0.9, weightDecay: 0.5 };

describe('the average of the weights', () => {
  for (const name of Object.keys(optimisers) as OptimiserName[]) {
    for (const [engineName, engine] of Object.entries(engines)) {
      it(`beside ${name} on ${engineName}: is what its formula says, and leaves the rest as it is`, async () => {
        const optimiser = optimisers[name].create(settings);
        const path = await descend(averaged(optimiser, DECAY), engine);
        const average = [0, 0, 0];
        path.forEach(({ w, [AVERAGE]: found }, i) => {
          // TensorFlow's min(decay, (1 + n) / (10 + n)) after a first update that copies the weights: n = 0 at the second.
          const n = i - 1;
          const decay = Math.min(DECAY, (1 + n) / (10 + n));
          found.forEach((value, j) => {
            average[j] = decay * average[j] + (1 - decay) * w[j];
            expect(value).toBeCloseTo(average[j], 5);
          });
        });
        expect(path[0][AVERAGE]).toEqual(path[0].w);
        expect(path[4][AVERAGE]).not.toEqual(path[4].w);
        expect(path.map(({ [AVERAGE]: _, ...rest }) => rest)).toEqual(await descend(optimiser, engine));
      });
    }
  }

  it('forgets at first, and then as slowly as its decay says', () => {
    const optimiser = averaged(optimisers.sgd.create(), 0.999);
    const rates = [1, 2, 3, 1000, 8992, 8993, 1e6].map((step) => optimiser.coefficients(step, 1).averageRate);
    [1, 0.9, 9 / 11, 9 / 1008, 0.001, 0.001, 0.001].forEach((rate, i) => {
      expect(rates[i]).toBeCloseTo(rate, 12);
    });
  });

  it('is not kept where its decay is 0', () => {
    const optimiser = optimisers.adam.create();
    expect(averaged(optimiser, 0)).toBe(optimiser);
  });
});
