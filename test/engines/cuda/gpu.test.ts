/**
 * How the engine talks to NVIDIA's libraries, in front of an imitation of them: every call, its arguments and its errors.
 * It shows nothing of how a GPU behaves.
 */

import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCudaEngine, examineCuda } from '../../../src/engines/cuda/index.ts';
import { type Engine, EngineError } from '../../../src/engines/engine.ts';
import { createReferenceEngine } from '../../../src/engines/reference/index.ts';
import { callEach } from '../../../src/programs/calls.ts';
import { createProgram } from '../../../src/tensor/program.ts';
import { argument, noise, type Tensor } from '../../../src/tensor/tensor.ts';
import { trainingProgram } from '../conformance.ts';
import { missing } from './emulator.ts';
import { imitateLibraries } from './imitation.ts';

const imitation = imitateLibraries();

const failureOf = async (work: () => Promise<unknown>): Promise<string> => {
  const failure = await work().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(EngineError);
  const { message } = failure as EngineError;
  expect(message).not.toContain('\n');
  return message;
};

describe.skipIf(missing !== undefined)(
  `NVIDIA's libraries, imitated${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    const run = async (engine: Engine, outputs: Record<string, Tensor>, given: Record<string, Float32Array>) => {
      const executable = await engine.compile(createProgram('test', outputs), {
        state: engine.allocate([], []),
        data: {},
      });
      const results = await executable.run({ arguments: given, noise: { seed: 1, step: 2 } });
      await executable.release();
      return results;
    };

    it('are found, and say what they are', async () => {
      const engine = await createCudaEngine(imitation());
      expect(engine.description).toBe('Imitation GPU, float32, CUDA 12.8, NVRTC 12.8, cuBLASLt 12.8.3');
      const { libraries, complete } = await examineCuda(imitation().search);
      expect(complete).toBe(true);
      expect(libraries.map((library) => path.basename(library.path!))).toEqual([
        'libcuda.so.1',
        'libnvrtc.so.12',
        'libcublasLt.so.12',
      ]);
    });

    it('multiply row-major matrices, whichever is transposed, and run kernels between', async () => {
      const engine = await createCudaEngine(imitation());
      for (const [transposeA, transposeB] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ]) {
        const a = argument('a', transposeA ? [3, 2] : [2, 3]);
        const b = argument('b', transposeB ? [4, 3] : [3, 4]);
        const product = a.add(1).matmul(b, { transposeA, transposeB });
        const outputs = {
          product: product.exp(),
          sum: product.sum(0),
          drawn: noise('n', { kind: 'uniform' }, [9]).mul(2),
        };
        const given = {
          a: Float32Array.from({ length: 6 }, (_, i) => Math.sin(i)),
          b: Float32Array.from({ length: 12 }, (_, i) => Math.cos(i)),
        };
        const [actual, expected] = [
          await run(engine, outputs, given),
          await run(createReferenceEngine(), outputs, given),
        ];
        for (const [name, values] of Object.entries(expected)) {
          values.forEach((value, i) => {
            expect(actual[name][i]).toBeCloseTo(value, 4);
          });
        }
      }
    });

    it('train', async () => {
      const losses = async (engine: Engine) => {
        const state = engine.allocate(
          [
            { name: 'weight', shape: [5, 12] },
            { name: 'bias', shape: [5] },
          ],
          ['firstMoment', 'secondMoment'],
        );
        state.write(
          'weight',
          Float32Array.from({ length: 60 }, (_, i) => Math.sin(i)),
        );
        const images = Uint8Array.from({ length: 120 }, (_, i) => (i * 37) % 256);
        const executable = await engine.compile(trainingProgram(), { state, data: { images } });
        const found: number[] = [];
        for (let step = 1; step <= 10; step++) {
          const indices = Int32Array.of(step - 1, 3, 5, 9);
          const call = { arguments: { indices }, noise: { seed: 2, step }, coefficients: { learningRate: 0.01 } };
          found.push((await executable.run(call)).loss[0]);
        }
        await executable.release();
        return [...found, ...state.read('weight'), ...state.read('bias', 'secondMoment')];
      };
      const [actual, expected] = [
        await losses(await createCudaEngine(imitation())),
        await losses(createReferenceEngine()),
      ];
      expected.forEach((value, i) => {
        expect(actual[i]).toBeCloseTo(value, 4);
      });
    });

    it('are asked for the precision that is wished for', async () => {
      process.env.IMITATION_COMPUTE = '77';
      const [a, b] = [argument('a', [1, 1]), argument('b', [1, 1])];
      const given = { a: Float32Array.of(2), b: Float32Array.of(3) };
      const engine = await createCudaEngine({ ...imitation(), precision: 'tf32' });
      expect(engine.description).toContain('tf32');
      expect((await run(engine, { product: a.matmul(b) }, given)).product[0]).toBe(6);
      const exact = await createCudaEngine(imitation());
      expect(await failureOf(() => run(exact, { product: a.matmul(b) }, given))).toContain('cuBLASLt');
    });

    it('tell once of a device that is lost while several steps are under way', async () => {
      const engine = await createCudaEngine(imitation());
      const x = argument('x', [1]);
      const executable = await engine.compile(createProgram('test', { y: x.exp() }), {
        state: engine.allocate([], []),
        data: {},
      });
      const found: number[] = [];
      const runs = callEach(
        engine,
        Array(10).keys(),
        async (i) => ({ executable, call: { arguments: { x: Float32Array.of(i) } } }),
        ({ y }) => y[0],
      );
      const message = await failureOf(async () => {
        for await (const y of runs) {
          found.push(y);
          if (found.length === 3) process.env.IMITATION_FAIL = 'cuEventQuery:700';
        }
      });
      expect(message).toContain('resume the run from its last checkpoint');
      expect(found.length).toBeLessThan(10);
      found.forEach((y, i) => {
        expect(y).toBeCloseTo(Math.exp(i), 3);
      });
      await executable.release();
    });

    describe('fail with one line that says what to do', () => {
      const create = () => createCudaEngine(imitation());
      const [x, y] = [argument('x', [2, 2]), argument('y', [2, 2])];
      const compute = async () =>
        run(await create(), { z: x.matmul(y).exp() }, { x: new Float32Array(4), y: new Float32Array(4) });

      it.each([
        ['cuInit:999', create, 'CUDA: some error (cuInit, error 999): look at nvidia-smi, or use the device onnx'],
        [
          'cuMemAlloc_v2:2',
          create,
          "CUDA: out of memory (cuMemAlloc, error 2): the GPU's memory is full; use a smaller batch, fewer samples or a smaller network, or end other programs that use it",
        ],
        [
          'cublasLtCreate:1',
          create,
          'making its handle failed with status 1: it cannot start on this GPU: its release of CUDA may be newer than the driver; look at nvidia-smi, or use the device onnx',
        ],
        [
          'cuGraphLaunch:700',
          compute,
          'CUDA: an illegal memory access was encountered (cuGraphLaunch, error 700): the device is lost to this process; resume the run from its last checkpoint',
        ],
        ['cuEventQuery:700', compute, '(cuEventQuery, error 700)'],
        [
          'nvrtcCompileProgram:6',
          compute,
          'compiling with --gpu-architecture=sm_90 (vae.cu(3): error: imagined) failed: NVRTC_ERROR_COMPILATION',
        ],
        [
          'cuModuleLoadData:222',
          compute,
          'the compiled kernels do not fit this GPU or driver; install a newer driver or an older CUDA',
        ],
        [
          'cublasLtMatmulAlgoGetHeuristic:15',
          compute,
          'choosing an algorithm for [2, 2] × [2, 2] failed with status 15: it has no algorithm for this product in this precision; use float32',
        ],
      ] as const)('%s', async (failure, work, message) => {
        process.env.IMITATION_FAIL = failure;
        expect(await failureOf(work)).toContain(message);
      });

      it('where there is no GPU', async () => {
        process.env.IMITATION_DEVICES = '0';
        expect(await failureOf(create)).toContain('there is a driver but no GPU that this process may use');
      });

      it('where the GPU is too old', async () => {
        process.env.IMITATION_CAPABILITY = '61';
        expect(await failureOf(create)).toBe(
          'Imitation GPU has compute capability 6.1; the cuda engine needs 7 or more; use device onnx',
        );
      });

      it('where the compiler no longer knows the GPU', async () => {
        process.env.IMITATION_CAPABILITY = '70';
        expect(await failureOf(create)).toContain('NVRTC 12.8 no longer knows Imitation GPU, of compute capability 7');
      });

      it('where the driver is older than the libraries', async () => {
        process.env.IMITATION_DRIVER = '11080';
        expect(await failureOf(create)).toContain('cuda: needs the compiler NVRTC');
      });
    });
  },
);
