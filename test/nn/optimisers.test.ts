import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engines/engine.ts';
import { createOnnxEngine } from '../../src/engines/onnx/index.ts';
import { createReferenceEngine } from '../../src/engines/reference/index.ts';
import { type Optimiser, optimisers } from '../../src/nn/optimisers.ts';
import { gradients } from '../../src/tensor/gradients.ts';
import { createProgram } from '../../src/tensor/program.ts';
import { argument, parameter } from '../../src/tensor/tensor.ts';

/** Minimises ½ Σ w² + 3 Σ w from w = [1, −2], and returns w after every step. */
async function descend(optimiser: Optimiser, learningRate: number, steps: number, engine: Engine) {
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
    await executable.run({ coefficients: optimiser.coefficients(step, learningRate) });
    path.push([...state.read('w')]);
  }
  return path;
}

/** Takes a step of w, zeros at first, by a gradient that is given, and returns w. */
async function stepper(optimiser: Optimiser, size: number, learningRate: number, engine: Engine) {
  const state = engine.allocate([{ name: 'w', shape: [size] }], optimiser.update.moments);
  const w = parameter('w', [size]);
  const update = { gradients: { w: argument('g', [size]).add(w.mul(0)) }, update: optimiser.update };
  const executable = await engine.compile(createProgram('given', { w: w.sum() }, update), { state, data: {} });
  let step = 0;
  return async (gradient: readonly number[]): Promise<Float32Array> => {
    const coefficients = optimiser.coefficients(++step, learningRate);
    await executable.run({ arguments: { g: Float32Array.from(gradient) }, coefficients });
    return state.read('w');
  };
}

function expectClose(found: readonly number[][], expected: readonly number[][], digits = 5): void {
  expect(found.length).toBe(expected.length);
  found.flat().forEach((value, i) => {
    expect(value).toBeCloseTo(expected.flat()[i], digits);
  });
}

/** An algorithm as its paper writes it, in plain numbers: what comes of a weight with gradient g at step t. */
type ByHand = (weight: number, g: number, memory: Record<string, number>, t: number) => number;

function byHand(rule: ByHand, steps: number): number[][] {
  const memories: Record<string, number>[] = [{}, {}];
  let w = [1, -2];
  return Array.from({ length: steps }, (_, i) => {
    w = w.map((weight, j) => rule(weight, weight + 3, memories[j], i + 1));
    return w;
  });
}

const adam =
  (decay: number, epsilon: number): ByHand =>
  (weight, g, memory, t) => {
    memory.m = 0.9 * (memory.m ?? 0) + 0.1 * g;
    memory.v = 0.999 * (memory.v ?? 0) + 0.001 * g ** 2;
    const [m, v] = [memory.m / (1 - 0.9 ** t), memory.v / (1 - 0.999 ** t)];
    return weight - 0.1 * decay * weight - (0.1 * m) / (Math.sqrt(v) + epsilon);
  };

const adamax =
  (epsilon: number): ByHand =>
  (weight, g, memory, t) => {
    memory.m = 0.9 * (memory.m ?? 0) + 0.1 * g;
    memory.u = Math.max(0.999 * (memory.u ?? 0), Math.abs(g) + epsilon);
    return weight - ((0.1 / (1 - 0.9 ** t)) * memory.m) / memory.u;
  };

const rmsprop =
  (centred: boolean, momentum: number, epsilon: number): ByHand =>
  (weight, g, memory) => {
    memory.v = 0.99 * (memory.v ?? 0) + 0.01 * g ** 2;
    memory.m = 0.99 * (memory.m ?? 0) + 0.01 * g;
    const variance = centred ? memory.v - memory.m ** 2 : memory.v;
    memory.u = momentum * (memory.u ?? 0) + g / (Math.sqrt(variance) + epsilon);
    return weight - 0.01 * memory.u;
  };

const sgd =
  (momentum: number): ByHand =>
  (weight, g, memory) => {
    memory.u = momentum * (memory.u ?? 0) + g;
    return weight - 0.1 * memory.u;
  };

/**
 * `golden` is w after the first, the second and the 20th step in torch 1.13.1 (of adamax: 2.15), in 64 bits:
 *   w = torch.tensor([1., -2.], requires_grad=True); o = MAKE([w])
 *   for _ in range(20): o.zero_grad(); (w.square().mul(.5).sum() + 3 * w.sum()).backward(); o.step(); print(w.tolist())
 */
const CASES: readonly { name: string; optimiser: Optimiser; rate: number; rule: ByHand; golden: number[][] }[] = [
  {
    name: 'adam', // torch.optim.Adam(p, 0.1)
    optimiser: optimisers.adam.create(),
    rate: 0.1,
    rule: adam(0, 1e-8),
    golden: [
      [0.9, -2.1],
      [0.800074, -2.1995878],
      [-0.9196292, -3.2711541],
    ],
  },
  {
    name: 'adam with a large epsilon', // torch.optim.Adam(p, 0.1, eps=0.5)
    optimiser: optimisers.adam.create({ epsilon: 0.5 }),
    rate: 0.1,
    rule: adam(0, 0.5),
    golden: [
      [0.9111111, -2.0666667],
      [0.8223901, -2.1324311],
      [-0.6956081, -3.0074755],
    ],
  },
  {
    name: 'adamw', // torch.optim.AdamW(p, 0.1, weight_decay=0.5)
    optimiser: optimisers.adamw.create({ weightDecay: 0.5 }),
    rate: 0.1,
    rule: adam(0.5, 1e-8),
    golden: [
      [0.85, -2.0],
      [0.7076178, -2.0],
      [-0.8526389, -2.0],
    ],
  },
  {
    name: 'adamax', // torch.optim.Adamax(p, 0.1)
    optimiser: optimisers.adamax.create(),
    rate: 0.1,
    rule: adamax(1e-8),
    golden: [
      [0.9, -2.1],
      [0.801217, -2.1948317],
      [-0.7363188, -3.0932831],
    ],
  },
  {
    name: 'adamax with a large epsilon', // torch.optim.Adamax(p, 0.1, eps=0.5)
    optimiser: optimisers.adamax.create({ epsilon: 0.5 }),
    rate: 0.1,
    rule: adamax(0.5),
    golden: [
      [0.9111111, -2.0666667],
      [0.8231739, -2.1310585],
      [-0.5696382, -2.8966011],
    ],
  },
  {
    name: 'rmsprop', // torch.optim.RMSprop(p, 0.01, centered=True)
    optimiser: optimisers.rmsprop.create(),
    rate: 0.01,
    rule: rmsprop(true, 0, 1e-8),
    golden: [
      [0.8994962, -2.1005038],
      [0.8288044, -2.1682406],
      [0.2269657, -2.6512959],
    ],
  },
  {
    name: 'rmsprop, not centred', // torch.optim.RMSprop(p, 0.01)
    optimiser: optimisers.rmsprop.create({ centred: false }),
    rate: 0.01,
    rule: rmsprop(false, 0, 1e-8),
    golden: [
      [0.9, -2.1],
      [0.8300104, -2.167082],
      [0.2568142, -2.6333919],
    ],
  },
  {
    name: 'rmsprop with momentum', // torch.optim.RMSprop(p, 0.01, centered=True, momentum=0.9, eps=1e-4)
    optimiser: optimisers.rmsprop.create({ momentum: 0.9, epsilon: 1e-4 }),
    rate: 0.01,
    rule: rmsprop(true, 0.9, 1e-4),
    golden: [
      [0.8995215, -2.1004029],
      [0.7384115, -2.2584555],
      [-3.2154145, -2.9606775],
    ],
  },
  {
    name: 'sgd', // torch.optim.SGD(p, 0.1)
    optimiser: optimisers.sgd.create(),
    rate: 0.1,
    rule: sgd(0),
    golden: [
      [0.6, -2.1],
      [0.24, -2.19],
      [-2.5136934, -2.8784233],
    ],
  },
  {
    name: 'sgd with momentum', // torch.optim.SGD(p, 0.1, momentum=0.9)
    optimiser: optimisers.sgd.create({ momentum: 0.9 }),
    rate: 0.1,
    rule: sgd(0.9),
    golden: [
      [0.6, -2.1],
      [-0.12, -2.28],
      [-1.6213302, -2.6553326],
    ],
  },
];

describe('optimisers', () => {
  for (const { name, optimiser, rate, rule, golden } of CASES) {
    it(`${name}: does what its paper says, and what PyTorch computes`, async () => {
      const path = await descend(optimiser, rate, 20, createReferenceEngine());
      expectClose(path, byHand(rule, 20));
      expectClose([path[0], path[1], path[19]], golden);
    });

    it(`${name}: is the same in one SIMD loop`, async () => {
      const [fast, exact] = [await createOnnxEngine({ threads: 1 }), createReferenceEngine()];
      expectClose(await descend(optimiser, rate, 20, fast), await descend(optimiser, rate, 20, exact), 4);
    });
  }

  it('adamw without decay is adam', async () => {
    const engine = createReferenceEngine();
    expect(await descend(optimisers.adamw.create(), 0.1, 5, engine)).toEqual(
      await descend(optimisers.adam.create(), 0.1, 5, engine),
    );
  });

  it('keep no moments that they do not need', () => {
    expect(optimisers.sgd.create().update.moments).toEqual([]);
    expect(optimisers.rmsprop.create().update.moments).toEqual(['secondMoment', 'firstMoment']);
    expect(optimisers.rmsprop.create({ centred: false, momentum: 0.5 }).update.moments).toEqual([
      'secondMoment',
      'velocity',
    ]);
  });

  it('adamax leaves a weight whose gradients are 0 where it is, and forgets a large gradient slowly', async () => {
    // torch.optim.Adamax([w], 0.1) of three zeros, with these for w.grad, in 64 bits.
    const given = [
      [0, 4, -1],
      [0, 0.5, 3],
      [0, -0.25, 0],
    ];
    const golden = [
      [0, -0.1, 0.1],
      [0, -0.1540014, 0.0631579],
      [0, -0.1857993, 0.0398874],
    ];
    for (const engine of [createReferenceEngine(), await createOnnxEngine({ threads: 1 })]) {
      const step = await stepper(optimisers.adamax.create(), 3, 0.1, engine);
      const path: number[][] = [];
      for (const gradient of given) path.push([...(await step(gradient))]);
      expectClose(path, golden);
    }
  });

  it('rmsprop stays finite and bounded where the gradient hardly varies', async () => {
    for (const engine of [createReferenceEngine(), await createOnnxEngine({ threads: 1 })]) {
      const step = await stepper(optimisers.rmsprop.create(), 3, 1e-3, engine);
      let before: Float32Array = new Float32Array(3);
      for (let i = 0; i < 3000; i++) {
        const now = await step([0.3, 1e-3, 0]);
        const change = now.map((value, j) => Math.abs(value - before[j]));
        expect(Math.max(...change)).toBeLessThan(1.1);
        before = now;
      }
      expect(before[2]).toBe(0);
    }
  });
});
