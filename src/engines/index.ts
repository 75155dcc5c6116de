/** Engines by name. Each is loaded only when it is asked for. */

import type { Engine, EngineOptions } from './engine.ts';

export const engines = {
  onnx: async (options: EngineOptions): Promise<Engine> => (await import('./onnx/index.ts')).createOnnxEngine(options),
  cuda: async (): Promise<Engine> => (await import('./cuda/index.ts')).createCudaEngine(),
  reference: async (): Promise<Engine> => (await import('./reference/index.ts')).createReferenceEngine(),
} as const;

export type EngineName = keyof typeof engines;
