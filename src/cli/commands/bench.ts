/** vae bench: how long the work of training takes on this machine, what it computes, and what its time goes to. */

import { type Command, Option } from 'commander';
import { ConfigError } from '../../base/errors.ts';
import { choice, integer, namesOf, positive } from '../../base/rules.ts';
import { benchmarkProgram, measure, prepare } from '../../benchmarks/benchmark.ts';
import { type BenchmarkName, benchmarks } from '../../benchmarks/benchmarks.ts';
import { type Profile, profile } from '../../benchmarks/profile.ts';
import { schedule } from '../../engines/cuda/schedule.ts';
import { formatSchedule } from '../../engines/cuda/schedule-text.ts';
import type { EngineName } from '../../engines/index.ts';
import { profileOnnx } from '../../engines/onnx/profile.ts';
import { settings } from '../../settings/table.ts';
import { formatProgram, type Program } from '../../tensor/program.ts';
import { defineCommand } from '../shared/command.ts';
import { openEngine, usableThreads } from '../shared/engine.ts';
import { checkedOption, defaultThreads, deviceOption, threadsOption } from '../shared/options.ts';
import { result } from '../shared/terminal.ts';

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
}

/** Of the longest name. */
const WORK_WIDTH = Math.max(...namesOf(benchmarks).map(({ length }) => length));

/** Calls before the clock starts: the engine's memory settles, and the update's code is compiled for good. */
const WARM_UP = 20;

function define(command: Command): void {
  const names = namesOf(benchmarks);
  command
    .addOption(checkedOption('--work <name>', `what to measure: ${names.join(', ')}`, choice(names)).default('dense'))
    .addOption(deviceOption().default(settings.device.default))
    .addOption(threadsOption())
    .addOption(checkedOption('--calls <n>', 'number of calls to measure', integer(1, 100_000)).default(200))
    .addOption(checkedOption('--seconds <n>', 'stop after n seconds, if that is earlier', positive))
    .addOption(
      checkedOption(
        '--print <what>',
        'measure nothing; print the work as text: program, or schedule, its steps on --device cuda (needs no GPU)',
        choice(namesOf(TEXTS)),
      ).conflicts(['device', 'threads', 'calls', 'seconds', 'profile']),
    )
    .addOption(new Option('--profile', 'print which operators take the time; works with --device onnx'))
    .addHelpText('after', `\nWork, on random images:\n${describeWork(command)}`);
}

/** As the help lists options. */
function describeWork(command: Command): string {
  const help = command.createHelp();
  help.prepareContext({ helpWidth: process.stdout.columns || 80 });
  return Object.entries(benchmarks)
    .map(([name, { summary, batch }]) => help.formatItem(name, WORK_WIDTH, `${summary}, batch ${batch}`, help))
    .join('\n');
}

type Found =
  | { readonly kind: 'text'; readonly work: BenchmarkName; readonly text: string }
  | ({ readonly kind: 'profile' } & Awaited<ReturnType<typeof profileWork>>)
  | ({ readonly kind: 'times' } & Times);

async function bench(options: BenchOptions): Promise<Found> {
  const { work, print: what } = options;
  if (what !== undefined) return { kind: 'text', work, text: TEXTS[what](benchmarkProgram(work)) };
  if (options.profile) return { kind: 'profile', ...(await profileWork(options)) };
  return { kind: 'times', ...(await timeWork(options)) };
}

function print(found: Found): void {
  if (found.kind === 'text') result(found.text);
  else if (found.kind === 'profile') printProfile(found);
  else printTimes(found);
}

/** How long is measured. */
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

/** Engines that can say what their time goes to. */
const PROFILERS: Readonly<Record<string, typeof profileOnnx>> = { onnx: profileOnnx };

/** @throws ConfigError where the engine has no profile. */
async function profileWork(
  options: BenchOptions,
): Promise<Profile & { readonly work: BenchmarkName; readonly batch: number; readonly engine: string }> {
  const { work, device, threads = defaultThreads() } = options;
  const { name } = await openEngine(device, threads);
  const open = PROFILERS[name];
  if (open === undefined) {
    const remedies = namesOf(PROFILERS).map((value) => ({ field: 'device', value }));
    throw new ConfigError(`does not work with the device ${name}`, { field: 'profile', remedies });
  }
  const profiler = await open(usableThreads(threads));
  try {
    const { description } = profiler.engine;
    const found = await profile(profiler, work, measurementOf(options));
    return { work, batch: benchmarks[work].batch, engine: description, ...found };
  } finally {
    profiler.release();
  }
}

function printProfile(profiled: Awaited<ReturnType<typeof profileWork>>): void {
  const { work, batch, engine, calls, milliseconds, operators } = profiled;
  const time = `${milliseconds.toFixed(2)} ms a call while profiled (${calls} calls)`;
  result(`${work}, batch ${batch}, ${engine}: ${time}`);
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

export const command = defineCommand({ define, run: bench, print });
