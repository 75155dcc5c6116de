/** A program as groups of values, each computed at once, in an order to compute them. It knows no target. */

import { type Program, rootsOf, withRoots } from '../../tensor/program.ts';
import { formatShape } from '../../tensor/shape.ts';
import { attributesOf, type Tensor } from '../../tensor/tensor.ts';
import { channelsLast } from '../channels-last/program.ts';
import { EngineError } from '../engine.ts';
import { core } from './core.ts';
import { fuse, type Group, type Product } from './fusion.ts';
import { type Abilities, planStorage } from './storage.ts';

export interface Plan {
  readonly name: string;
  readonly groups: readonly Group[];
  /** All values that have a place in memory. */
  readonly stored: ReadonlySet<Tensor>;
  /** The tensor of each result, which has a place of its own. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly gradients: Readonly<Record<string, Tensor>>;
}

/** Generated code counts positions with 32-bit integers. */
const MOST_VALUES = 2 ** 31 - 2 ** 16;

/** @throws EngineError if a tensor is too large for the engine of that name. */
export function plan(original: Program, engine: string, abilities: Abilities = {}): Plan {
  const program = channelsLast(original, abilities.columns);
  const { stored, results } = planStorage(rootsOf(program), abilities);
  for (const node of stored) checkSize(node, program.name, engine);
  const groups = fuse(stored.filter(({ size }) => size > 0));
  const { outputs, gradients } = withRoots(program, results);
  return { name: program.name, groups, stored: new Set(stored), outputs, gradients };
}

function checkSize(node: Tensor, name: string, engine: string): void {
  const large = [node, ...node.inputs].find(({ size }) => size > MOST_VALUES);
  if (large === undefined) return;
  throw new EngineError(
    `program "${name}" holds ${formatShape(large.shape)}, more values than the ${engine} engine counts; use a smaller batch or fewer samples`,
  );
}

/** Row-major C [rows, columns] = op(A) · op(B), where op(A) is [rows, inner] and op(B) is [inner, columns]. */
export interface ProductShape {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** A matrix product as a step: A and B, then C, which it writes. */
export interface ProductStep {
  readonly kind: 'product';
  readonly shape: ProductShape;
  readonly operands: readonly [Tensor, Tensor, Tensor];
  readonly written: readonly [Tensor];
}

export function productStep({ node }: Product): ProductStep {
  const { transposeA, transposeB } = attributesOf(node, 'matmul');
  const [rows, columns] = node.shape;
  const [a, b] = node.inputs;
  const shape = { rows, columns, inner: a.shape[transposeA ? 0 : 1], transposeA, transposeB };
  return { kind: 'product', shape, operands: [core(a), core(b), node], written: [node] };
}
