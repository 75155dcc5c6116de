/** A program as steps in phases. It is plain data, and runs nothing. */

import type { Program } from '../../tensor/program.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Plan, plan } from '../compiled/plan.ts';
import { type ProductChain, type Work, withChains } from './chains.ts';
import { mapStep } from './maps.ts';
import { drawStep, withNoiseDrawn } from './noise.ts';
import { type Phase, phasesOf } from './phases.ts';
import { holdsRows, productSteps } from './products.ts';
import { reduceSteps } from './reductions.ts';
import { rowSteps } from './row-steps.ts';
import type { Step } from './steps.ts';
import type { Tile } from './tiles.ts';
import { type UpdateStep, updateStep } from './update.ts';

export interface Schedule extends Pick<Plan, 'name' | 'outputs' | 'gradients'> {
  readonly phases: readonly Phase[];
  readonly update: UpdateStep | undefined;
}

/**
 * @param sectionFloats of the state that the update runs over.
 * @throws EngineError if a tensor is too large for a loop.
 */
export function schedule(original: Program, tile: Tile, sectionFloats: number): Schedule {
  const { program, draws } = withNoiseDrawn(original);
  const { name, groups, stored, outputs, gradients } = plan(program, 'native', {
    readsWindows: true,
    columns: tile.columns,
    cachesRepeated: true,
    moving: 8,
    branching: 48,
    launching: 2 ** 13,
  });
  const results = new Set([...Object.values(outputs), ...Object.values(gradients)]);
  const work = withChains(groups, stored, results, (product) => holdsRows(product, stored));
  const steps = [...draws.map(drawStep), ...work.flatMap((one) => stepsOf(one, stored, tile))];
  const phases = phasesOf(steps);
  const update = original.update && sectionFloats > 0 ? updateStep(original.update, sectionFloats) : undefined;
  // It reads all gradients and writes what all steps may read.
  if (update !== undefined) phases.push({ steps: [update], operands: update.operands, written: [] });
  return { name, phases, update, outputs, gradients };
}

function stepsOf(group: Work, stored: ReadonlySet<Tensor>, tile: Tile): Step[] {
  switch (group.kind) {
    case 'chain':
      return group.product === undefined ? rowSteps(group, stored) : productSteps(group as ProductChain, stored, tile);
    case 'map':
      return [mapStep(group, stored)];
    case 'reduce':
      return reduceSteps(group, stored);
  }
}
