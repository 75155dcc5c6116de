/** A program as a sequence of few steps: matrix products and kernels. It is plain data, and runs nothing. */

import { type Program, rootsOf, withRoots } from '../../tensor/program.ts';
import { formatShape } from '../../tensor/shape.ts';
import { attributesOf, type Tensor } from '../../tensor/tensor.ts';
import { channelsLast } from '../channels-last/program.ts';
import { EngineError } from '../engine.ts';
import type { ProductShape } from './device.ts';
import { fuse, type Group } from './fusion.ts';
import { type Kernel, mapKernel, type Operand, type Temporary } from './kernels.ts';
import { reduceKernels } from './reduce-kernels.ts';
import { core, planStorage } from './storage.ts';

export type Step =
  | { readonly kind: 'product'; readonly shape: ProductShape; readonly operands: readonly [Tensor, Tensor, Tensor] }
  | ({ readonly kind: 'kernel'; readonly group: Group } & Kernel);

export interface Schedule {
  readonly name: string;
  readonly steps: readonly Step[];
  /** The tensor of each result, which has a place of its own. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly gradients: Readonly<Record<string, Tensor>>;
}

/** Kernels count positions with 32-bit integers. */
const MOST_VALUES = 2 ** 31 - 2 ** 16;

/** @throws EngineError if a tensor is too large for a kernel. */
export function schedule(original: Program): Schedule {
  const program = channelsLast(original);
  const { stored, results } = planStorage(rootsOf(program));
  for (const node of stored) checkSize(node, program.name);
  const isStored = new Set(stored);
  const steps = fuse(stored.filter(({ size }) => size > 0)).flatMap((group) => stepsOf(group, isStored));
  const { outputs, gradients } = withRoots(program, results);
  return { name: program.name, steps, outputs, gradients };
}

function checkSize(node: Tensor, name: string): void {
  const large = [node, ...node.inputs].find(({ size }) => size > MOST_VALUES);
  if (large === undefined) return;
  throw new EngineError(
    `program "${name}" holds ${formatShape(large.shape)}, more values than the cuda engine counts; use a smaller batch or fewer samples`,
  );
}

function stepsOf(group: Group, stored: ReadonlySet<Tensor>): Step[] {
  switch (group.kind) {
    case 'product': {
      const { node } = group;
      const { transposeA, transposeB } = attributesOf(node, 'matmul');
      const [rows, columns] = node.shape;
      const [a, b] = node.inputs;
      const shape = { rows, columns, inner: a.shape[transposeA ? 0 : 1], transposeA, transposeB };
      return [{ kind: 'product', shape, operands: [core(a), core(b), node] }];
    }
    case 'map':
      return [{ kind: 'kernel', group, ...mapKernel(group, stored) }];
    case 'reduce':
      return reduceKernels(group, stored).map((kernel): Step => ({ kind: 'kernel', group, ...kernel }));
  }
}

/** What a step reads and writes. */
export const operandsOf = (step: Step): readonly Operand[] => step.operands;
export const writtenBy = (step: Step): readonly (Tensor | Temporary)[] =>
  step.kind === 'product' ? [step.operands[2]] : step.written;
