import { describe } from 'vitest';
import { firstLine } from '../../../src/engines/koffi.ts';
import { createNativeEngine } from '../../../src/engines/native/index.ts';
import { conformance } from '../conformance.ts';

const opened = await createNativeEngine({ threads: 2 }).catch(firstLine);
const missing = typeof opened === 'string' ? opened : undefined;

describe.skipIf(missing !== undefined)(`native${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  // One engine for all: each has threads of its own.
  conformance(() => (typeof opened === 'string' ? createNativeEngine({ threads: 2 }) : opened));
});
