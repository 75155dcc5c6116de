/** vae bench: how long the work of training takes on this machine. */

import type { Command } from 'commander';
import { choice, integer, positive } from '../../base/rules.ts';
import { measure, prepare } from '../../benchmarks/benchmark.ts';
import { type BenchmarkName, benchmarks } from '../../benchmarks/benchmarks.ts';
import type { EngineName } from '../../engines/index.ts';
import { defineCommand } from '../shared/command.ts';
import { openEngine } from '../shared/engine.ts';
import {
  asText,
  checkedOption,
  DEFAULT_DEVICE,
  defaultThreads,
  deviceOption,
  numberOption,
  threadsOption,
} from '../shared/options.ts';
import { result } from '../shared/terminal.ts';

interface BenchOptions {
  readonly work: BenchmarkName;
  readonly device: EngineName;
  readonly threads?: number;
  readonly calls: number;
  readonly seconds?: number;
}

/** Calls before the clock starts, until the engine's memory and the compiled code no longer change. */
const WARM_UP = 20;

function define(command: Command): void {
  const names = Object.keys(benchmarks);
  command
    .addOption(
      checkedOption('--work <name>', `what to measure: ${names.join(', ')}`, choice(names), asText).default('dense'),
    )
    .addOption(deviceOption().default(DEFAULT_DEVICE))
    .addOption(threadsOption())
    .addOption(numberOption('--calls <n>', 'number of calls to measure', integer(1, 100_000)).default(200))
    .addOption(numberOption('--seconds <n>', 'stop after n seconds, if that is earlier', positive))
    .addHelpText('after', `\nWork, on random images:\n${describeWork()}`);
}

/** One line each. */
const describeWork = (): string =>
  Object.entries(benchmarks)
    .map(([name, { summary, batch }]) => `  ${name.padEnd(15)}${summary}, batch ${batch}`)
    .join('\n');

async function bench({ work, device, threads = defaultThreads(), calls, seconds }: BenchOptions) {
  const engine = await openEngine(device, threads);
  const prepared = await prepare(engine, work);
  const times = await measure(prepared, { warmUp: WARM_UP, calls, ...(seconds !== undefined && { seconds }) });
  const { parameters, multiplyAdds } = prepared;
  await prepared.release();
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.round(q * (sorted.length - 1))];
  const milliseconds = { median: quantile(0.5), fast: quantile(0.1), slow: quantile(0.9) };
  const gigaflops = (2 * multiplyAdds) / (milliseconds.median * 1e6);
  const engineName = { device: engine.name, engine: engine.description };
  const { batch } = benchmarks[work];
  return { work, ...engineName, batch, calls: times.length, parameters, milliseconds, gigaflops };
}

function print(timing: Awaited<ReturnType<typeof bench>>): void {
  const { work, engine, batch, calls, parameters, milliseconds, gigaflops } = timing;
  const [median, fast, slow] = [milliseconds.median, milliseconds.fast, milliseconds.slow].map((ms) => ms.toFixed(2));
  const spread = `10 % to 90 % ${fast} to ${slow} ms (${calls} calls)`;
  result(`${work}, ${parameters} parameters, batch ${batch}: median ${median} ms, ${spread}`);
  result(`${engine}: ${gigaflops.toFixed(0)} GFLOP/s in products; ${benchmarks[work].summary}`);
}

export const command = defineCommand({ define, run: bench, print });
