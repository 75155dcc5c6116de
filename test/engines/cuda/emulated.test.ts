import { describe } from 'vitest';
import { createEngineOn } from '../../../src/engines/cuda/index.ts';
import { conformance } from '../conformance.ts';
import { createEmulatedDevice, missing } from './emulator.ts';

describe.skipIf(missing !== undefined)(
  `cuda, on an emulated device${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    conformance(() => createEngineOn(createEmulatedDevice()));
  },
);
