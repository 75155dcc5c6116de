/** What the time of a benchmark goes to. */

import type { OnnxProfiler, OperatorTime } from '../engines/onnx/profile.ts';
import { type Measurement, measure, prepare } from './benchmark.ts';
import type { BenchmarkName } from './benchmarks.ts';

/** Of one call, on average. */
export interface Profile {
  /** Calls that were measured. */
  readonly calls: number;
  /** Of a whole call, on this program's clock. */
  readonly milliseconds: number;
  /** The most expensive first; at last what is no operator: drawing noise, the update, the way between operators. */
  readonly operators: readonly OperatorTime[];
}

export const REST = '(everything else)';

export async function profile(
  { engine, operators }: Pick<OnnxProfiler, 'engine' | 'operators'>,
  name: BenchmarkName,
  measurement: Measurement,
): Promise<Profile> {
  const prepared = await prepare(engine, name);
  const times = await measure(prepared, measurement);
  await prepared.release();
  const milliseconds = times.reduce((sum, time) => sum + time, 0) / times.length;
  const ofOne = operators(times.length).map((time) => ({
    operator: time.operator,
    calls: time.calls / times.length,
    milliseconds: time.milliseconds / times.length,
  }));
  const known = ofOne.reduce((sum, time) => sum + time.milliseconds, 0);
  const rest = { operator: REST, calls: 1, milliseconds: Math.max(0, milliseconds - known) };
  return { calls: times.length, milliseconds, operators: [...ofOne, rest] };
}
