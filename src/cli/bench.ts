/** vae bench: how long a training step takes on this machine. */

import type { Command } from 'commander';
import type { EngineName } from '../engines/index.ts';
import { integer, positive } from '../rules.ts';
import { DEFAULT_DEVICE, defaultThreads, deviceOption, numberOption, THREADS_RULE } from './options.ts';

interface BenchOptions {
  readonly device: EngineName;
  readonly threads?: number;
  readonly steps: number;
  readonly seconds?: number;
  readonly dropout?: true;
  readonly json?: true;
}

/** Steps before the clock starts: the engine's memory settles, and the update's code is compiled for good. */
const WARM_UP = 50;
const BATCH = 128;

export function registerBench(program: Command): void {
  program
    .command('bench')
    .description('time the training step of a dense network, 784-500-500-20 and back, batch 128, on random images')
    .addOption(deviceOption().default(DEFAULT_DEVICE))
    .addOption(numberOption('--threads <n>', 'CPU threads (default: all)', THREADS_RULE))
    .addOption(numberOption('--steps <n>', 'steps to time', integer(1, 100_000)).default(500))
    .addOption(numberOption('--seconds <n>', 'stop earlier, after so many seconds', positive))
    .option('--dropout', 'with dropout of 0.1 after every hidden layer')
    .option('--json', 'print it as JSON')
    .action(bench);
}

async function bench({
  device,
  threads = defaultThreads(),
  steps,
  seconds,
  dropout,
  json,
}: BenchOptions): Promise<void> {
  const { denseStep } = await import('../training/benchmark.ts');
  const { result } = await import('./terminal.ts');
  const { openEngine } = await import('./engine.ts');
  const engine = await openEngine(device, threads);
  const { times, multiplyAdds, parameters } = await denseStep(engine, {
    batch: BATCH,
    warmUp: WARM_UP,
    steps,
    dropout: dropout ? 0.1 : 0,
    ...(seconds !== undefined && { seconds }),
  });
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  const milliseconds = { median: quantile(0.5), fast: quantile(0.1), slow: quantile(0.9) };
  const gigaflops = (2 * multiplyAdds) / (milliseconds.median * 1e6);
  if (json) {
    result(
      JSON.stringify({
        device: engine.name,
        engine: engine.description,
        batch: BATCH,
        steps: times.length,
        parameters,
        dropout: dropout === true,
        milliseconds,
        gigaflops,
      }),
    );
    return;
  }
  const [median, fast, slow] = [milliseconds.median, milliseconds.fast, milliseconds.slow].map((ms) => ms.toFixed(2));
  result(
    `dense step, ${parameters} parameters, batch ${BATCH}: median ${median} ms, 10 % to 90 % ${fast} to ${slow} ms (${times.length} steps)`,
  );
  result(
    `${engine.description}: ${gigaflops.toFixed(0)} GFLOP/s in matrix products; forward, backward and Adam${dropout ? ', with dropout' : ''}`,
  );
}
