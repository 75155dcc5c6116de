import { describe, expect, it } from 'vitest';
import { benchmarkProgram } from '../../src/benchmarks/benchmark.ts';
import { type BenchmarkName, benchmarks } from '../../src/benchmarks/benchmarks.ts';
import { profile, REST } from '../../src/benchmarks/profile.ts';
import { schedule } from '../../src/engines/cuda/schedule.ts';
import { formatSchedule } from '../../src/engines/cuda/schedule-text.ts';
import { profileOnnx, sumByOperator } from '../../src/engines/onnx/profile.ts';
import { formatProgram } from '../../src/tensor/program.ts';

describe('a trace of onnxruntime', () => {
  const node = (operator: string, ts: number, dur: number, name = `${operator}_kernel_time`) => ({
    cat: 'Node',
    name,
    ts,
    dur,
    args: { op_name: operator },
  });
  const run = (ts: number) => ({ cat: 'Session', name: 'model_run', ts, dur: 100 });
  const trace = [
    run(0),
    node('Gemm', 1, 9000),
    run(100),
    node('Add', 101, 20),
    node('Gemm', 130, 1000),
    run(200),
    node('Gemm', 201, 500),
    node('Gemm', 300, 40, 'Gemm_fence_before'),
  ];

  it('is summed by operator over the last runs, the most expensive first', () => {
    expect(sumByOperator(trace, 2)).toEqual([
      { operator: 'Gemm', calls: 2, milliseconds: 1.5 },
      { operator: 'Add', calls: 1, milliseconds: 0.02 },
    ]);
    expect(sumByOperator(trace, 3)[0]).toEqual({ operator: 'Gemm', calls: 3, milliseconds: 10.5 });
  });
});

describe('a profile', () => {
  it('has the operators of one call, and their times with the rest are the whole', async () => {
    const profiler = await profileOnnx(1);
    const { calls, milliseconds, operators } = await profile(profiler, 'sampling', { warmUp: 2, calls: 3 });
    profiler.release();
    expect(calls).toBe(3);
    expect(operators.at(-1)?.operator).toBe(REST);
    const sum = operators.reduce((total, time) => total + time.milliseconds, 0);
    expect(sum).toBeCloseTo(milliseconds, 6);
    const products = operators.filter(({ operator }) => /MatMul|Gemm/.test(operator));
    expect(products.reduce((total, time) => total + time.calls, 0)).toBeGreaterThanOrEqual(4);
    for (const time of operators) expect(Number.isInteger(time.calls), time.operator).toBe(true);
  });
});

describe('the text of a benchmark', () => {
  it.each(Object.keys(benchmarks) as BenchmarkName[])('%s: a program and its schedule', (name) => {
    const program = benchmarkProgram(name);
    expect(formatProgram(program)).toMatch(/^program .+\n {2}%0 = /);
    expect(formatSchedule(schedule(program))).toMatch(/^schedule .+: \d+ products, \d+ kernels\n/);
  });
});
