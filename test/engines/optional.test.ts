/** Engines that need what few machines have: the conformance suite where they start, a skipped test with the reason where not. */

import { describe, it } from 'vitest';
import { EngineError } from '../../src/engines/engine.ts';
import { type EngineName, engines } from '../../src/engines/index.ts';
import { conformance, SIZES } from './conformance.ts';

// One of the two native packages of TensorFlow.js: a process can load only one of them.
const DEVICES = ['tfjs:node', 'onnx:webgpu', 'onnx:cuda', 'onnx:dml', 'onnx:coreml'] as const satisfies EngineName[];

for (const device of DEVICES) {
  const started = await engines[device]({ threads: 2 }).catch((error: unknown) => {
    if (error instanceof EngineError) return error;
    throw error;
  });
  if (started instanceof EngineError) {
    it.skip(`${device} runs the conformance suite: ${started.message}`);
  } else {
    // A program takes seconds to become shaders where the GPU is a simulated one.
    describe(device, () => conformance(() => started, { sizes: device === 'tfjs:node' ? SIZES : SIZES.slice(0, 1) }));
  }
}
