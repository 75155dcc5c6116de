import { describe } from 'vitest';
import { createTfjsEngine } from '../../src/engines/tfjs/index.ts';
import { conformance } from './conformance.ts';

for (const backend of ['wasm', 'cpu'] as const) {
  describe(`tfjs:${backend}`, () => {
    conformance(() => createTfjsEngine(backend, { threads: 1 }));
  });
}
