/**
 * onnxruntime's execution providers other than its CPU: where each can run, and what it needs there.
 *
 * They are for machines where nothing better runs: onnxruntime-node copies every tensor to and from the host at each
 * call, parameters and gradients too, and the update stays on the CPU.
 */

import { npmRebuild } from '../../base/npm.ts';
import { createProgram } from '../../tensor/program.ts';
import { argument } from '../../tensor/tensor.ts';
import { type Engine, EngineError, type EngineOptions, MissingError } from '../engine.ts';
import { createOnnxEngine } from './index.ts';
import { withShiftedLogSumExp } from './shifted.ts';

interface Provider {
  readonly platforms: readonly NodeJS.Platform[];
  readonly needs: string;
}

const PROVIDERS = {
  cuda: {
    platforms: ['linux'],
    needs: `an NVIDIA GPU, CUDA 12, cuDNN 9, and files that this installs: ONNXRUNTIME_NODE_INSTALL=cuda12 ${npmRebuild('onnxruntime-node')}`,
  },
  webgpu: {
    platforms: ['linux', 'win32', 'darwin'],
    needs: 'a GPU and its driver for Vulkan 1.3 (Linux), Direct3D 12 (Windows) or Metal (macOS)',
  },
  dml: { platforms: ['win32'], needs: 'Windows 10 or newer and a GPU with Direct3D 12' },
  coreml: { platforms: ['darwin'], needs: 'a Mac with Apple silicon' },
} as const satisfies Record<string, Provider>;

export type ProviderName = keyof typeof PROVIDERS;

/**
 * The onnx engine on a provider, once it has computed a sum there.
 * @throws MissingError on a platform that the provider is not made for, EngineError if it does not work here.
 */
export async function createProviderEngine(provider: ProviderName, options: EngineOptions): Promise<Engine> {
  const { platforms, needs }: Provider = PROVIDERS[provider];
  if (!platforms.includes(process.platform)) {
    throw new MissingError(`onnx:${provider}: not for ${process.platform}: it needs ${needs}`);
  }
  const onnx = await createOnnxEngine(options, provider);
  const engine: Engine = {
    ...onnx,
    compile: (program, bindings) => onnx.compile(withShiftedLogSumExp(program), bindings),
  };
  const program = createProgram('examination', { sum: argument('x', [4]).square().sum() });
  try {
    const executable = await engine.compile(program, { state: engine.allocate([], []), data: {} });
    const { sum } = await executable.run({ arguments: { x: Float32Array.of(1, 2, 3, 4) } });
    await executable.release();
    if (sum[0] !== 30) throw new EngineError(`it computed 1 + 4 + 9 + 16 = ${sum[0]}`);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // Without the places in onnxruntime's source.
    const reason = error.message.replace(/^.*("examination": |was false\. )/, '');
    throw new EngineError(`onnx:${provider}: does not work here: it needs ${needs} (${reason})`);
  }
  return engine;
}
