/** vae doctor: what this machine can run, and what is missing. */

import type { Command } from 'commander';
import type { EngineName } from '../engines/index.ts';
import { Exit, RUNTIME_ERROR } from './exit-codes.ts';
import { defaultThreads } from './options.ts';

interface EngineReport {
  readonly engine: EngineName;
  readonly available: boolean;
  readonly detail: string;
}

const REMEDIES: { readonly [E in EngineName]: string } = {
  onnx: 'needs onnxruntime-node, which has no binary for this platform (Alpine and Intel Macs) or is not installed: run npm ci; until then use --device reference, which is slow',
  cuda: "needs an NVIDIA GPU of compute capability 7.0 or more with its driver, and CUDA 12 or 13 or Python's nvidia packages",
  reference: 'needs nothing but Node',
};

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('say which engines run here, with versions and threads, and what the others need')
    .option('--json', 'print it as JSON')
    .action(doctor);
}

/** Starts an engine and lets it compute one sum. */
async function examine(name: EngineName): Promise<EngineReport> {
  const { engines } = await import('../engines/index.ts');
  const { createProgram } = await import('../tensor/program.ts');
  const { argument } = await import('../tensor/tensor.ts');
  try {
    const engine = await engines[name]({ threads: defaultThreads() });
    const program = createProgram('examination', { sum: argument('x', [4]).square().sum() });
    const executable = await engine.compile(program, { state: engine.allocate([], []), data: {} });
    const { sum } = await executable.run({ arguments: { x: Float32Array.of(1, 2, 3, 4) } });
    await executable.release();
    if (sum[0] !== 30) return { engine: name, available: false, detail: `computed 1 + 4 + 9 + 16 = ${sum[0]}` };
    return { engine: name, available: true, detail: engine.description };
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { engine: name, available: false, detail: `${REMEDIES[name]} (${reason})` };
  }
}

async function doctor({ json }: { readonly json?: true }): Promise<void> {
  const { engines } = await import('../engines/index.ts');
  const { environment } = await import('./environment.ts');
  const { result } = await import('./terminal.ts');
  const about = environment();
  const reports: EngineReport[] = [];
  for (const name of Object.keys(engines) as EngineName[]) reports.push(await examine(name));
  if (json) {
    result(JSON.stringify({ ...about, engines: reports }));
  } else {
    for (const [what, value] of Object.entries(about)) result(`${what}: ${value}`);
    result(`threads: ${defaultThreads()} unless --threads says otherwise`);
    for (const { engine, available, detail } of reports)
      result(`${available ? '✓' : '✗'} --device ${engine}: ${detail}`);
  }
  if (!reports.some(({ available }) => available)) throw new Exit(RUNTIME_ERROR);
}
