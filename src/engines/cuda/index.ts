/**
 * The CUDA engine: a program becomes few kernels and matrix products on an NVIDIA GPU, launched as one graph. State,
 * data and noise stay on the device; a run hands over its key, coefficients and arguments, and gets the outputs.
 */

import type { Engine } from '../engine.ts';
import type { Device } from './device.ts';
import { createExecutable } from './executable.ts';
import { type GpuOptions, openGpu } from './gpu.ts';
import { DeviceState } from './memory.ts';
import { Residents } from './residents.ts';
import { RUNS_AHEAD } from './runs.ts';

export { examineCuda, hasDriver, type LibraryReport } from './examine.ts';

/** @throws EngineError where there is no NVIDIA GPU, or a library that the engine needs is missing. */
export const createCudaEngine = async (options: GpuOptions = {}): Promise<Engine> =>
  createEngineOn(await openGpu(options));

/** The engine on any device that does what `Device` says. */
export function createEngineOn(device: Device): Engine {
  const residents = new Residents(device);
  return {
    name: 'cuda',
    description: device.description,
    runsAhead: RUNS_AHEAD,
    allocate: (parameters, moments) => new DeviceState(device, parameters, moments),
    compile: (program, bindings) => createExecutable(program, bindings, device, residents),
  };
}
