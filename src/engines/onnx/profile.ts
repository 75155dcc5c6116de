/** What a graph's time goes to, by onnxruntime's own clock around every operator. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Engine, EngineError } from '../engine.ts';

export interface OperatorTime {
  readonly operator: string;
  readonly calls: number;
  readonly milliseconds: number;
}

export interface OnnxProfiler {
  /** The onnx engine, which writes down what its runs spend. */
  readonly engine: Engine;
  /** Every operator's calls and time in the last runs of the only executable, once that has been released. */
  operators(runs: number): OperatorTime[];
  /** Removes what was written. */
  release(): void;
}

/** An event of the library's trace; times in µs. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** onnxruntime is loaded when this is called. The library writes its trace to a temporary folder. */
export async function profileOnnx(threads: number): Promise<OnnxProfiler> {
  const { createOnnxEngine } = await import('./index.ts');
  const { bindingSessionsWith } = await import('./session-binding.ts');
  const folder = mkdtempSync(path.join(tmpdir(), 'vae-profile-'));
  const sessions = bindingSessionsWith({ enableProfiling: true, profileFilePrefix: path.join(folder, 'trace') });
  return {
    engine: await createOnnxEngine({ threads }, 'cpu', sessions),
    operators: (runs) => {
      const [file] = readdirSync(folder);
      if (file === undefined) throw new EngineError('onnxruntime has written no profile');
      return sumByOperator(JSON.parse(readFileSync(path.join(folder, file), 'utf8')), runs);
    },
    release: () => rmSync(folder, { recursive: true }),
  };
}

/** The operators of the last runs, the most expensive first. */
export function sumByOperator(events: readonly TraceEvent[], runs: number): OperatorTime[] {
  const began = events
    .filter(({ name }) => name === 'model_run')
    .map(({ ts }) => ts)
    .toSorted((a, b) => a - b)
    .at(-runs);
  const sums = new Map<string, OperatorTime>();
  for (const { cat, name, ts, dur, args } of events) {
    const operator = args?.op_name;
    if (cat !== 'Node' || operator === undefined || !name.endsWith('_kernel_time') || ts < (began ?? 0)) continue;
    const { calls, milliseconds } = sums.get(operator) ?? { calls: 0, milliseconds: 0 };
    sums.set(operator, { operator, calls: calls + 1, milliseconds: milliseconds + dur / 1000 });
  }
  return [...sums.values()].toSorted((a, b) => b.milliseconds - a.milliseconds);
}
