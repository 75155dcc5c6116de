/** A program as a sequence of few steps: matrix products and kernels. It is plain data, and runs nothing. */

import type { Program } from '../../tensor/program.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Group } from '../compiled/fusion.ts';
import { type Plan, type ProductStep, plan, productStep } from '../compiled/plan.ts';
import { type Kernel, mapKernel } from './kernels.ts';
import { reduceKernels } from './reduce-kernels.ts';

export type Step = ProductStep | ({ readonly kind: 'kernel'; readonly group: Group } & Kernel);

export interface Schedule extends Pick<Plan, 'name' | 'outputs' | 'gradients'> {
  readonly steps: readonly Step[];
}

/** @throws EngineError if a tensor is too large for a kernel. */
export function schedule(program: Program): Schedule {
  const { name, groups, stored, outputs, gradients } = plan(program, 'cuda');
  return { name, steps: groups.flatMap((group) => stepsOf(group, stored)), outputs, gradients };
}

function stepsOf(group: Group, stored: ReadonlySet<Tensor>): Step[] {
  switch (group.kind) {
    case 'product':
      return [productStep(group)];
    case 'map':
      return [{ kind: 'kernel', group, ...mapKernel(group, stored) }];
    case 'reduce':
      return reduceKernels(group, stored).map((kernel): Step => ({ kind: 'kernel', group, ...kernel }));
  }
}
