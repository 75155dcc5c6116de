/** Matrix products by cuBLASLt: an algorithm is chosen once a shape, and kept. */

import { EngineError, type Precision } from '../engine.ts';
import type { Address, ProductShape } from './device.ts';
import { type ForeignFunction, fixedWords, openLibrary } from './foreign.ts';
import type { SearchOptions } from './libraries.ts';

/** Constants of cublasLt.h and library_types.h. */
const CUDA_R_32F = 0;
const COMPUTE: { readonly [P in Precision]: number } = { float32: 68, tf32: 77, bf16: 75 };
const DESCRIPTOR = { transposeA: 3, transposeB: 4 } as const;
const PREFERENCE_WORKSPACE = 1;
const OPERATION = { plain: 0, transposed: 1 } as const;
/** cublasLtMatmulHeuristicResult_t: the algorithm, then its workspace and more. */
const HEURISTIC_WORDS = 12;

/** What cuBLAS recommends for Hopper. */
export const WORKSPACE_BYTES = 32 * 2 ** 20;

export interface Multiplier {
  /** "12.9.1" */
  readonly version: string;
  readonly path: string;
  /** Queues C = op(A) · op(B) on a stream. */
  multiply(shape: ProductShape, a: Address, b: Address, c: Address, stream: bigint): void;
}

/** @param workspace memory of the device, `WORKSPACE_BYTES`, that products may use one after the other. */
export async function openMultiplier(
  workspace: Address,
  precision: Precision,
  options: SearchOptions = {},
): Promise<Multiplier> {
  const library = await openLibrary('cublasLt', options);
  const bind = (prototype: string): ForeignFunction => library.bind(prototype);
  const createDescriptor = bind('int cublasLtMatmulDescCreate(void* descriptor, int compute, int scale)');
  const setDescriptor = bind(
    'int cublasLtMatmulDescSetAttribute(uint64_t descriptor, int attribute, void* value, size_t bytes)',
  );
  const createLayout = bind(
    'int cublasLtMatrixLayoutCreate(void* layout, int type, uint64_t rows, uint64_t columns, int64_t stride)',
  );
  const createPreference = bind('int cublasLtMatmulPreferenceCreate(void* preference)');
  const setPreference = bind(
    'int cublasLtMatmulPreferenceSetAttribute(uint64_t preference, int attribute, void* value, size_t bytes)',
  );
  const getHeuristic = bind(
    'int cublasLtMatmulAlgoGetHeuristic(uint64_t handle, uint64_t descriptor, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t preference, int wanted, void* results, void* found)',
  );
  const matmul = bind(
    'int cublasLtMatmul(uint64_t handle, uint64_t descriptor, void* alpha, uint64_t a, uint64_t layoutA, uint64_t b, uint64_t layoutB, void* beta, uint64_t c, uint64_t layoutC, uint64_t d, uint64_t layoutD, void* algorithm, uint64_t workspace, size_t bytes, uint64_t stream)',
  );

  const result = fixedWords(1);
  const check = (code: number, doing: string): void => {
    if (code !== 0)
      throw new EngineError(
        `cuBLASLt (${library.path}): ${doing} failed with status ${code}: ${MEANINGS[code] ?? REMEDY}`,
      );
  };
  const make = (create: (address: bigint) => number, what: string): bigint => {
    result.words[0] = 0n;
    check(create(result.address), `making ${what}`);
    return result.words[0];
  };

  const handle = make(bind('int cublasLtCreate(void* handle)'), 'its handle');
  const preference = make(createPreference, 'a preference');
  check(
    setPreference(preference, PREFERENCE_WORKSPACE, BigUint64Array.of(BigInt(WORKSPACE_BYTES)), 8),
    'limiting memory',
  );
  const [one, zero] = [Float32Array.of(1), Float32Array.of(0)];

  /** Row-major [rows, columns] is column-major [columns, rows], so C = A·B is computed as Cᵀ = Bᵀ·Aᵀ. */
  const prepare = (shape: ProductShape) => {
    const { rows, columns, inner, transposeA, transposeB } = shape;
    const descriptor = make((at) => createDescriptor(at, COMPUTE[precision], CUDA_R_32F), 'a descriptor');
    const operations = [
      [DESCRIPTOR.transposeA, transposeB],
      [DESCRIPTOR.transposeB, transposeA],
    ] as const;
    for (const [attribute, isTransposed] of operations) {
      const value = Int32Array.of(isTransposed ? OPERATION.transposed : OPERATION.plain);
      check(setDescriptor(descriptor, attribute, value, 4), 'setting an attribute');
    }
    const layout = (height: number, width: number): bigint =>
      make((at) => createLayout(at, CUDA_R_32F, height, width, height), 'a layout');
    const left = transposeB ? layout(inner, columns) : layout(columns, inner);
    const right = transposeA ? layout(rows, inner) : layout(inner, rows);
    const product = layout(columns, rows);
    const algorithm = fixedWords(HEURISTIC_WORDS);
    const found = new Int32Array(1);
    const where = `choosing an algorithm for [${rows}, ${inner}] × [${inner}, ${columns}]`;
    check(
      getHeuristic(handle, descriptor, left, right, product, product, preference, 1, algorithm.address, found),
      where,
    );
    if (found[0] === 0) check(NOT_SUPPORTED, where);
    return { descriptor, left, right, product, algorithm: algorithm.address };
  };
  const prepared = new Map<string, ReturnType<typeof prepare>>();

  return {
    version: formatVersion(bind('size_t cublasLtGetVersion()')()),
    path: library.path,
    multiply: (shape, a, b, c, stream) => {
      const key = JSON.stringify(shape);
      const plan = prepared.get(key) ?? prepare(shape);
      prepared.set(key, plan);
      const { descriptor, left, right, product, algorithm } = plan;
      check(
        matmul(
          handle,
          descriptor,
          one,
          b,
          left,
          a,
          right,
          zero,
          c,
          product,
          c,
          product,
          algorithm,
          workspace,
          WORKSPACE_BYTES,
          stream,
        ),
        `multiplying [${shape.rows}, ${shape.inner}] × [${shape.inner}, ${shape.columns}]`,
      );
    },
  };
}

const NOT_SUPPORTED = 15;
const REMEDY = 'look at nvidia-smi, or use --device onnx';
const MEANINGS: Readonly<Record<number, string>> = {
  1: `it cannot start on this GPU: its release of CUDA may be newer than the driver; ${REMEDY}`,
  3: "the GPU's memory is full; use a smaller batch or a smaller network",
  8: 'it does not know this GPU; install a newer CUDA',
  [NOT_SUPPORTED]: 'it has no algorithm for this product in this precision; use float32',
};

/** 120901 is 12.9.1. */
const formatVersion = (version: number): string =>
  [Math.floor(version / 10000), Math.floor(version / 100) % 100, version % 100].join('.');
