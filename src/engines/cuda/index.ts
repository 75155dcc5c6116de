/**
 * The CUDA engine: a program becomes few kernels and matrix products on an NVIDIA GPU, launched as one graph. State,
 * data and noise stay on the device; a run hands over its key, coefficients and arguments, and gets the outputs.
 */

import type { Engine } from '../engine.ts';
import type { Device } from './device.ts';
import { createExecutable } from './executable.ts';
import { DeviceState } from './memory.ts';
import { Residents } from './residents.ts';

/** The engine on any device that does what `Device` says. */
export function createEngineOn(device: Device): Engine {
  const residents = new Residents(device);
  return {
    name: 'cuda',
    description: device.description,
    allocate: (parameters, moments) => new DeviceState(device, parameters, moments),
    compile: (program, bindings) => createExecutable(program, bindings, device, residents),
  };
}
