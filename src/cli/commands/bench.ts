/** vae bench: how long the work of training takes on this machine, what it computes, and what its time goes to. */

import { type Command, Option } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { choice, integer, positive } from '../../base/rules.ts';
import { benchmarkProgram, measure, prepare } from '../../benchmarks/benchmark.ts';
import { type BenchmarkName, benchmarks } from '../../benchmarks/benchmarks.ts';
import { type Profile, profile } from '../../benchmarks/profile.ts';
import { schedule } from '../../engines/cuda/schedule.ts';
import { formatSchedule } from '../../engines/cuda/schedule-text.ts';
import type { EngineName } from '../../engines/index.ts';
import { profileOnnx } from '../../engines/onnx/profile.ts';
import { formatProgram, type Program } from '../../tensor/program.ts';
import { openEngine } from '../engine.ts';
import { checkedOption, DEFAULT_DEVICE, defaultThreads, deviceOption, numberOption, THREADS_RULE } from '../options.ts';
import { result } from '../terminal.ts';

/** What `--print` shows. */
const TEXTS = {
  program: formatProgram,
  schedule: (program: Program) => formatSchedule(schedule(program)),
} as const;

interface BenchOptions {
  readonly work: BenchmarkName;
  readonly device: EngineName;
  readonly threads?: number;
  readonly calls: number;
  readonly seconds?: number;
  readonly print?: keyof typeof TEXTS;
  readonly profile?: true;
  readonly json?: true;
}

/** Calls before the clock starts: the engine's memory settles, and the update's code is compiled for good. */
const WARM_UP = 20;

export function registerBench(program: Command): void {
  const names = Object.keys(benchmarks);
  program
    .command('bench')
    .description('time a training step, or other work, on random images')
    .addOption(checkedOption('--work <name>', `what to time: ${names.join(', ')}`, choice(names)).default('dense'))
    .addOption(deviceOption().default(DEFAULT_DEVICE))
    .addOption(numberOption('--threads <n>', 'CPU threads (default: all)', THREADS_RULE))
    .addOption(numberOption('--calls <n>', 'calls to time', integer(1, 100_000)).default(200))
    .addOption(numberOption('--seconds <n>', 'stop earlier, after so many seconds', positive))
    .addOption(
      checkedOption(
        '--print <what>',
        'time nothing, and print the text of the work: program, or schedule, its steps on --device cuda (no GPU is needed)',
        choice(Object.keys(TEXTS)),
      ),
    )
    .addOption(
      new Option('--profile', 'print which operators the time goes to; works with --device onnx').conflicts('print'),
    )
    .option('--json', 'print it as JSON')
    .addHelpText('after', `\nWork:\n${describeWork()}`)
    .action(bench);
}

/** A line for each. */
const describeWork = (): string =>
  Object.entries(benchmarks)
    .map(([name, { summary, batch }]) => `  ${name.padEnd(15)}${summary}, batch ${batch}`)
    .join('\n');

async function bench(options: BenchOptions): Promise<void> {
  const { work, print, json } = options;
  if (print !== undefined) {
    const text = TEXTS[print](benchmarkProgram(work));
    result(json ? JSON.stringify({ work, [print]: text }) : text);
  } else if (options.profile) {
    const found = await profileWork(options);
    if (json) result(JSON.stringify({ work, batch: benchmarks[work].batch, ...found }));
    else printProfile(work, found);
  } else {
    const found = await timeWork(options);
    if (json) result(JSON.stringify(found));
    else printTimes(found);
  }
}

/** What the clock is told. */
const measurementOf = ({ calls, seconds }: BenchOptions) => ({
  warmUp: WARM_UP,
  calls,
  ...(seconds !== undefined && { seconds }),
});

interface Times {
  readonly work: BenchmarkName;
  readonly device: string;
  readonly engine: string;
  readonly batch: number;
  readonly calls: number;
  readonly parameters: number;
  readonly milliseconds: { readonly median: number; readonly fast: number; readonly slow: number };
  /** Of the matrix products and convolutions, at the median. */
  readonly gigaflops: number;
}

async function timeWork(options: BenchOptions): Promise<Times> {
  const { work, device, threads = defaultThreads() } = options;
  const engine = await openEngine(device, threads);
  const prepared = await prepare(engine, work);
  const times = await measure(prepared, measurementOf(options));
  const { parameters, multiplyAdds } = prepared;
  await prepared.release();
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.round(q * (sorted.length - 1))];
  const milliseconds = { median: quantile(0.5), fast: quantile(0.1), slow: quantile(0.9) };
  return {
    work,
    device: engine.name,
    engine: engine.description,
    batch: benchmarks[work].batch,
    calls: times.length,
    parameters,
    milliseconds,
    gigaflops: (2 * multiplyAdds) / (milliseconds.median * 1e6),
  };
}

function printTimes({ work, engine, batch, calls, parameters, milliseconds, gigaflops }: Times): void {
  const [median, fast, slow] = [milliseconds.median, milliseconds.fast, milliseconds.slow].map((ms) => ms.toFixed(2));
  result(
    `${work}, ${parameters} parameters, batch ${batch}: median ${median} ms, 10 % to 90 % ${fast} to ${slow} ms (${calls} calls)`,
  );
  result(`${engine}: ${gigaflops.toFixed(0)} GFLOP/s in products; ${benchmarks[work].summary}`);
}

/** @throws ConfigError where the device is another than onnx. */
async function profileWork(options: BenchOptions): Promise<Profile & { readonly engine: string }> {
  const { work, device, threads = defaultThreads() } = options;
  const { name } = await openEngine(device, threads);
  if (name !== 'onnx') throw new ConfigError(`--profile: works with --device onnx, not with ${name}`);
  const profiler = await profileOnnx(threads);
  try {
    return { engine: profiler.engine.description, ...(await profile(profiler, work, measurementOf(options))) };
  } finally {
    profiler.release();
  }
}

function printProfile(
  work: BenchmarkName,
  { engine, calls, milliseconds, operators }: Awaited<ReturnType<typeof profileWork>>,
): void {
  result(
    `${work}, batch ${benchmarks[work].batch}, ${engine}: ${milliseconds.toFixed(2)} ms a call while profiled (${calls} calls)`,
  );
  const rows = operators.map((row) => [
    row.operator,
    row.calls.toFixed(0),
    row.milliseconds.toFixed(3),
    `${((100 * row.milliseconds) / milliseconds).toFixed(1)} %`,
  ]);
  const table = [['operator', 'calls', 'ms', 'share'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const [operator, ...numbers] of table) {
    result([operator.padEnd(widths[0]), ...numbers.map((text, i) => text.padStart(widths[i + 1]))].join('  '));
  }
}
