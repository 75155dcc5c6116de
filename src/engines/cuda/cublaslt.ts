/** Matrix products by cuBLASLt: an algorithm is chosen once for each shape, and kept. */

import { EngineError, type Precision } from '../engine.ts';
import type { Address, ProductShape } from './device.ts';
import { bindAll, type Foreign, type ForeignFunction, fixedWords, openLibrary } from './foreign.ts';
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

const PROTOTYPES = {
  getVersion: 'size_t cublasLtGetVersion()',
  createHandle: 'int cublasLtCreate(void* handle)',
  createDescriptor: 'int cublasLtMatmulDescCreate(void* descriptor, int compute, int scale)',
  setDescriptor: 'int cublasLtMatmulDescSetAttribute(uint64_t descriptor, int attribute, void* value, size_t bytes)',
  createLayout:
    'int cublasLtMatrixLayoutCreate(void* layout, int type, uint64_t rows, uint64_t columns, int64_t stride)',
  createPreference: 'int cublasLtMatmulPreferenceCreate(void* preference)',
  setPreference:
    'int cublasLtMatmulPreferenceSetAttribute(uint64_t preference, int attribute, void* value, size_t bytes)',
  getHeuristic:
    'int cublasLtMatmulAlgoGetHeuristic(uint64_t handle, uint64_t descriptor, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t preference, int wanted, void* results, void* found)',
  matmul:
    'int cublasLtMatmul(uint64_t handle, uint64_t descriptor, void* alpha, uint64_t a, uint64_t layoutA, uint64_t b, uint64_t layoutB, void* beta, uint64_t c, uint64_t layoutC, uint64_t d, uint64_t layoutD, void* algorithm, uint64_t workspace, size_t bytes, uint64_t stream)',
} as const;

/** The library's functions, with their results checked. */
interface Library {
  readonly functions: { readonly [N in keyof typeof PROTOTYPES]: ForeignFunction };
  check(code: number, doing: string): void;
  /** Makes an object, whose handle a function writes to the address that it is given. */
  make(create: (address: bigint) => number, what: string): bigint;
}

function libraryOf(library: Foreign): Library {
  const result = fixedWords(1);
  const check = (code: number, doing: string): void => {
    if (code === 0) return;
    const meaning = MEANINGS[code] ?? REMEDY;
    throw new EngineError(`cuBLASLt (${library.path}): ${doing} failed with status ${code}: ${meaning}`);
  };
  return {
    functions: bindAll(library, PROTOTYPES),
    check,
    make: (create, what) => {
      result.words[0] = 0n;
      check(create(result.address), `making ${what}`);
      return result.words[0];
    },
  };
}

/** @param workspace memory of the device, `WORKSPACE_BYTES`, that products may use one after the other. */
export async function openMultiplier(
  workspace: Address,
  precision: Precision,
  options: SearchOptions = {},
): Promise<Multiplier> {
  const library = await openLibrary('cublasLt', options);
  const lt = libraryOf(library);
  const handle = lt.make(lt.functions.createHandle, 'its handle');
  const preference = lt.make(lt.functions.createPreference, 'a preference');
  const limit = BigUint64Array.of(BigInt(WORKSPACE_BYTES));
  lt.check(lt.functions.setPreference(preference, PREFERENCE_WORKSPACE, limit, 8), 'limiting memory');
  const [one, zero] = [Float32Array.of(1), Float32Array.of(0)];
  const plans = new Map<string, Plan>();

  return {
    version: formatVersion(lt.functions.getVersion()),
    path: library.path,
    multiply: (shape, a, b, c, stream) => {
      const key = JSON.stringify(shape);
      const plan = plans.get(key) ?? planProduct(lt, handle, preference, precision, shape);
      plans.set(key, plan);
      const { descriptor, left, right, product, algorithm } = plan;
      const factors = [one, b, left, a, right, zero, c, product, c, product] as const;
      const means = [algorithm, workspace, WORKSPACE_BYTES, stream] as const;
      const where = `multiplying [${shape.rows}, ${shape.inner}] × [${shape.inner}, ${shape.columns}]`;
      lt.check(lt.functions.matmul(handle, descriptor, ...factors, ...means), where);
    },
  };
}

/** What cuBLASLt takes for products of one shape. */
interface Plan {
  readonly descriptor: bigint;
  /** Layouts of the factors and of the product. */
  readonly left: bigint;
  readonly right: bigint;
  readonly product: bigint;
  /** Where the algorithm is described. */
  readonly algorithm: bigint;
}

/** Row-major [rows, columns] is column-major [columns, rows], so C = A·B is computed as Cᵀ = Bᵀ·Aᵀ. */
function planProduct(lt: Library, handle: bigint, preference: bigint, precision: Precision, shape: ProductShape): Plan {
  const { rows, columns, inner, transposeA, transposeB } = shape;
  const { createDescriptor, setDescriptor, createLayout, getHeuristic } = lt.functions;
  const descriptor = lt.make((at) => createDescriptor(at, COMPUTE[precision], CUDA_R_32F), 'a descriptor');
  const operations = [
    [DESCRIPTOR.transposeA, transposeB],
    [DESCRIPTOR.transposeB, transposeA],
  ] as const;
  for (const [attribute, isTransposed] of operations) {
    const value = Int32Array.of(isTransposed ? OPERATION.transposed : OPERATION.plain);
    lt.check(setDescriptor(descriptor, attribute, value, 4), 'setting an attribute');
  }
  const layout = (height: number, width: number): bigint =>
    lt.make((at) => createLayout(at, CUDA_R_32F, height, width, height), 'a layout');
  const left = transposeB ? layout(inner, columns) : layout(columns, inner);
  const right = transposeA ? layout(rows, inner) : layout(inner, rows);
  const product = layout(columns, rows);
  const algorithm = fixedWords(HEURISTIC_WORDS).address;
  const found = new Int32Array(1);
  const where = `choosing an algorithm for [${rows}, ${inner}] × [${inner}, ${columns}]`;
  lt.check(getHeuristic(handle, descriptor, left, right, product, product, preference, 1, algorithm, found), where);
  if (found[0] === 0) lt.check(NOT_SUPPORTED, where);
  return { descriptor, left, right, product, algorithm };
}

const NOT_SUPPORTED = 15;
const REMEDY = 'look at nvidia-smi, or use the device onnx';
const MEANINGS: Readonly<Record<number, string>> = {
  1: `it cannot start on this GPU: its release of CUDA may be newer than the driver; ${REMEDY}`,
  3: "the GPU's memory is full; use a smaller batch or a smaller network",
  8: 'it does not know this GPU; install a newer CUDA',
  [NOT_SUPPORTED]: 'it has no algorithm for this product in this precision; use float32',
};

/** 120901 is 12.9.1. */
const formatVersion = (version: number): string =>
  [Math.floor(version / 10000), Math.floor(version / 100) % 100, version % 100].join('.');
