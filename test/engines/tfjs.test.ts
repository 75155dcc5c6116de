import { describe } from 'vitest';
import { createTfjsEngine } from '../../src/engines/tfjs/index.ts';
import { conformance, SIZES } from './conformance.ts';

describe('tfjs:wasm', () => {
  conformance(() => createTfjsEngine('wasm', { threads: 1 }));
});

describe('tfjs:cpu', () => {
  // Its convolutions take a second for what wasm does in ten milliseconds.
  conformance(() => createTfjsEngine('cpu', { threads: 1 }), { sizes: SIZES.slice(0, 3) });
});
