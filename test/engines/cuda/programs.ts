/** Programs whose kernels stand for all: every primitive with its derivative, networks, and steps of training. */

import { sourceOf } from '../../../src/engines/cuda/executable.ts';
import { schedule } from '../../../src/engines/cuda/schedule.ts';
import { updateKernel } from '../../../src/engines/cuda/update.ts';
import { type OptimiserName, optimisers } from '../../../src/nn/optimisers.ts';
import { batchSource } from '../../../src/programs/batches.ts';
import { createModel, trainingProgram } from '../../../src/programs/programs.ts';
import { DEFAULTS, type RunConfig } from '../../../src/settings/table.ts';
import type { Program } from '../../../src/tensor/program.ts';
import { casesFor } from '../cases.ts';
import { caseProgram } from '../conformance.ts';
import { convolutionalPrograms } from '../networks.ts';

type Image = readonly [number, number, number];

/** A step of training a network, for images that are all black. */
export function stepProgram(settings: Partial<RunConfig>, [channels, height, width]: Image, batch: number): Program {
  const config: RunConfig = { ...DEFAULTS, ...settings, threads: 1, device: 'reference' };
  const model = createModel(config, [channels, height, width]);
  const pixels = channels * height * width;
  const source = batchSource({ count: 200, images: new Uint8Array(200 * pixels), labels: new Uint8Array(200) }, pixels);
  return trainingProgram(model, optimisers[config.optimizer].create(config), batch, source);
}

export const DENSE: Partial<RunConfig> = { hidden: [500, 500], activation: ['elu', 'tanh'], latent: 20, dropout: 0.1 };
export const CONVOLUTIONAL: Partial<RunConfig> = {
  model: 'conv',
  activation: ['relu'],
  channels: [32, 64],
  latent: 20,
};

export const representativePrograms = (): Program[] => [
  ...(
    [
      [1, 1, 1],
      [16, 33, 7],
    ] as const
  ).flatMap((sizes) => Object.values(casesFor(sizes)).flat().map(caseProgram)),
  ...convolutionalPrograms(3, 2),
  stepProgram(DENSE, [1, 28, 28], 128),
  stepProgram({ ...CONVOLUTIONAL, clip: 10 }, [1, 28, 28], 128),
  stepProgram({ ...CONVOLUTIONAL, likelihood: 'normal' }, [3, 32, 32], 64),
];

/** The kernels of all these programs, each once, and the updates of all optimisers, as one source. */
export function sourceOfAll(programs: readonly Program[]): string {
  const steps = programs.flatMap((program) => schedule(program).steps);
  const updates = (Object.keys(optimisers) as OptimiserName[]).map((name) => {
    const { source } = updateKernel(optimisers[name].create().update, 1000);
    return source.replace(' update(', ` update_${name}(`);
  });
  return sourceOf({ name: 'all', steps, outputs: {}, gradients: {} }, updates.join('\n'));
}
