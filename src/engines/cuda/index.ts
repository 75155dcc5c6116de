/**
 * The CUDA engine: a program becomes few kernels and matrix products on an NVIDIA GPU, launched as one graph. State,
 * data and noise stay on the device; a call hands over its key, coefficients and arguments, and gets the outputs.
 */

import { checkedEngine } from '../checked.ts';
import { Residents } from '../compiled/residents.ts';
import type { Engine } from '../engine.ts';
import { CALLS_AHEAD } from './calls.ts';
import type { Device } from './device.ts';
import { createExecutable } from './executable.ts';
import { type GpuOptions, openGpu } from './gpu.ts';
import { DeviceState } from './memory.ts';

export { examineCuda, hasDriver, type LibraryReport } from './examine.ts';

/** @throws EngineError where there is no NVIDIA GPU, or a library that the engine needs is missing. */
export const createCudaEngine = async (options: GpuOptions = {}): Promise<Engine> =>
  createEngineOn(await openGpu(options));

/** The engine on any device that does what `Device` says. */
export function createEngineOn(device: Device): Engine {
  const residents = new Residents(device);
  return checkedEngine({
    name: 'cuda',
    description: device.description,
    runsAhead: CALLS_AHEAD,
    hasOwnMemory: true,
    allocate: (parameters, moments) => new DeviceState(device, parameters, moments),
    compile: (program, { state, data }) => createExecutable(program, state, data, device, residents),
  });
}
