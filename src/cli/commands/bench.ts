/** vae bench: how long the work of training takes on this machine. */

import type { Command } from 'commander';
import { choice, integer, positive } from '../../base/rules.ts';
import { type BenchmarkName, benchmarks } from '../../benchmarks/benchmarks.ts';
import type { EngineName } from '../../engines/index.ts';
import { checkedOption, DEFAULT_DEVICE, defaultThreads, deviceOption, numberOption, THREADS_RULE } from '../options.ts';

interface BenchOptions {
  readonly work: BenchmarkName;
  readonly device: EngineName;
  readonly threads?: number;
  readonly calls: number;
  readonly seconds?: number;
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
    .option('--json', 'print it as JSON')
    .addHelpText('after', `\nWork:\n${describeWork()}`)
    .action(bench);
}

/** A line for each. */
const describeWork = (): string =>
  Object.entries(benchmarks)
    .map(([name, { summary, batch }]) => `  ${name.padEnd(15)}${summary}, batch ${batch}`)
    .join('\n');

async function bench({ work, device, threads = defaultThreads(), calls, seconds, json }: BenchOptions): Promise<void> {
  const { measure, prepare } = await import('../../benchmarks/benchmark.ts');
  const { result } = await import('../terminal.ts');
  const { openEngine } = await import('../engine.ts');
  const engine = await openEngine(device, threads);
  const prepared = await prepare(engine, work);
  const times = await measure(prepared, { warmUp: WARM_UP, calls, ...(seconds !== undefined && { seconds }) });
  const { parameters, multiplyAdds } = prepared;
  await prepared.release();
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.round(q * (sorted.length - 1))];
  const milliseconds = { median: quantile(0.5), fast: quantile(0.1), slow: quantile(0.9) };
  const gigaflops = (2 * multiplyAdds) / (milliseconds.median * 1e6);
  const { batch } = benchmarks[work];
  if (json) {
    const engineName = { device: engine.name, engine: engine.description };
    result(JSON.stringify({ work, ...engineName, batch, calls: times.length, parameters, milliseconds, gigaflops }));
    return;
  }
  const [median, fast, slow] = [milliseconds.median, milliseconds.fast, milliseconds.slow].map((ms) => ms.toFixed(2));
  result(
    `${work}, ${parameters} parameters, batch ${batch}: median ${median} ms, 10 % to 90 % ${fast} to ${slow} ms (${times.length} calls)`,
  );
  result(`${engine.description}: ${gigaflops.toFixed(0)} GFLOP/s in products; ${benchmarks[work].summary}`);
}
