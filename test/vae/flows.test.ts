/** A flow's log determinant is that of its numeric Jacobian, and its density integrates to 1. */

import { describe, expect, it } from 'vitest';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import { specOf } from '../../src/nn/parameter.ts';
import { createProgram } from '../../src/tensor/program.ts';
import { argument, constant, type Tensor } from '../../src/tensor/tensor.ts';
import { scaleParametrisations, standardNormalNoise } from '../../src/vae/distributions/normal.ts';
import { autoregressive } from '../../src/vae/flows/autoregressive.ts';
import type { Flow } from '../../src/vae/flows/flow.ts';
import { planar } from '../../src/vae/flows/planar.ts';
import { flowPosterior } from '../../src/vae/posteriors/flow.ts';
import { compute } from './compute.ts';

const engine = await createOnnxEngine({ threads: 1 });
const LATENT = 3;
const flows = { planar, autoregressive };
const config = { latent: LATENT, steps: 3, hidden: 7, context: 4 };

const wave = (count: number, phase: number, size = 1) =>
  Float64Array.from({ length: count }, (_, i) => size * Math.sin(2.3 * i + phase));

/** Parameters that are large enough to bend the latents. */
const parametersOf = (flow: Flow) =>
  Object.fromEntries(flow.parameters.map(({ name, tensor }, i) => [name, wave(tensor.size, i, 0.8)]));

function determinant(matrix: number[][]): number {
  const [[a, b, c], [d, e, f], [g, h, i]] = matrix;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

for (const [name, create] of Object.entries(flows)) {
  describe(`the ${name} flow`, () => {
    const flow = create(config);
    const z = argument('z', [2, 1, LATENT]);
    const context = constant(wave(flow.contextSize, 0.4, 1.5), [1, flow.contextSize]);
    const moved = flow.apply(z, context);
    const parameters = parametersOf(flow);
    const at = (tensor: Tensor, values: Float64Array) => compute(tensor, { ...parameters, z: values });

    it('has the log determinant of its Jacobian', () => {
      const values = wave(2 * LATENT, 1.1, 1.4);
      const logDet = at(moved.logDet, values);
      const step = 1e-5;
      for (const sample of [0, 1]) {
        const jacobian = Array.from({ length: LATENT }, (_, to) =>
          Array.from({ length: LATENT }, (_, from) => {
            const shifted = (by: number) => values.map((v, i) => (i === sample * LATENT + from ? v + by : v));
            const [up, down] = [step, -step].map((by) => at(moved.z, shifted(by))[sample * LATENT + to]);
            return (up - down) / (2 * step);
          }),
        );
        expect(logDet[sample]).toBeCloseTo(Math.log(Math.abs(determinant(jacobian))), 6);
        expect(Math.abs(logDet[sample])).toBeGreaterThan(1e-3);
      }
    });

    it(`${flow.contextSize > 0 ? 'depends' : 'does not depend'} on the image`, () => {
      const other = at(flow.apply(z, context.mul(0.5)).z, wave(6, 1));
      const same = at(moved.z, wave(6, 1));
      expect(other.some((value, i) => value !== same[i])).toBe(flow.contextSize > 0);
    });

    it('is finite where its parameters and its context vanish', () => {
      const still = flow.apply(z, constant(0).broadcastTo([1, flow.contextSize]));
      const zeros = Object.fromEntries(
        flow.parameters.map(({ name: key, tensor }) => [key, new Float64Array(tensor.size)]),
      );
      const values = [still.z, still.logDet].flatMap((t) => [...compute(t, { ...zeros, z: wave(6, 1) })]);
      expect(values.every(Number.isFinite)).toBe(true);
    });
  });
}

describe('a planar flow', () => {
  it('has a finite determinant where it all but folds the plane, in 32 bits too', async () => {
    const flow = flows.planar({ ...config, steps: 1 });
    // u against w, and z where tanh is steepest: wᵀû comes as near to −1 as it can.
    const { logDet } = flow.apply(constant(0).broadcastTo([1, 1, LATENT]), constant(0));
    const state = engine.allocate(flow.parameters.map(specOf), []);
    for (const [i, values] of [[-30, 0, 0], [1, 0, 0], [0]].entries()) state.write(flow.parameters[i].name, values);
    const executable = await engine.compile(createProgram('fold', { logDet }), {
      state,
      data: {},
    });
    const results = await executable.run({});
    expect(results.logDet[0]).toBeLessThan(-5);
    expect(results.logDet[0]).toBeGreaterThan(-10);
    await executable.release();
  });
});

describe('an autoregressive flow', () => {
  it('lets each latent depend on those before it alone, in alternating order', () => {
    for (const steps of [1, 2]) {
      const flow = flows.autoregressive({ ...config, steps });
      const z = argument('z', [1, 1, LATENT]);
      const moved = flow.apply(z, constant(wave(4, 0.4), [1, 4])).z;
      const at = (values: Float64Array) => compute(moved, { ...parametersOf(flow), z: values });
      const base = at(Float64Array.of(0.1, 0.2, 0.3));
      const changed = at(Float64Array.of(0.1, 0.2, 0.9)).map((value, i) => Math.abs(value - base[i]));
      const sees = [...changed].map((difference) => difference > 1e-12);
      // The second step runs backwards, so there the first latents see the last.
      expect(sees).toEqual(steps === 1 ? [false, false, true] : [true, true, true]);
    }
  });
});

describe('a posterior with a flow', () => {
  for (const name of ['planar', 'autoregressive'] as const) {
    it(`has a density of mass 1: ${name}`, () => {
      // E_q[r(z) / q(z)] = ∫ r = 1 for a density r that q covers well: here the prior shrunk into its middle.
      const flow = flows[name]({ latent: 1, steps: 2, hidden: 5, context: 2 });
      const base = scaleParametrisations['log-stddev'](
        constant(Float64Array.of(0.2), [1, 1]),
        constant(Float64Array.of(0.3), [1, 1]),
      );
      const context = constant(wave(flow.contextSize, 0.4), [1, flow.contextSize]);
      const draws = 40_000;
      const { z, logProb } = flowPosterior(base, flow, context).draw(standardNormalNoise('posterior', [draws, 1, 1]));
      const parameters = parametersOf(flow);
      const [points, logDensities] = [compute(z, parameters), compute(logProb, parameters)];
      const centre = points.toSorted()[draws / 2];
      const width = 0.5 * (points.toSorted()[Math.floor(0.84 * draws)] - centre);
      const ratios = points.map((point, i) => {
        const u = (point - centre) / width;
        return Math.exp(-0.5 * u * u - 0.5 * Math.log(2 * Math.PI) - Math.log(width) - logDensities[i]);
      });
      const average = ratios.reduce((sum, ratio) => sum + ratio, 0) / draws;
      const variance = ratios.reduce((sum, ratio) => sum + (ratio - average) ** 2, 0) / draws;
      expect(Math.abs(average - 1)).toBeLessThan(5 * Math.sqrt(variance / draws));
      expect(Math.sqrt(variance / draws)).toBeLessThan(0.02);
    });
  }
});
