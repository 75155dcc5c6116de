/** vae doctor: what this machine can run, how fast, and what is missing. */

import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import type { LibraryReport } from '../../engines/cuda/index.ts';
import type { EngineName } from '../../engines/index.ts';
import { Exit, RUNTIME_ERROR } from '../exit-codes.ts';
import { defaultThreads } from '../options.ts';

interface DeviceReport {
  readonly device: EngineName;
  readonly available: boolean;
  /** What it is, or why it is not available and how to get it. */
  readonly detail: string;
  /** Median time of a training step of 784-500-500-20 and back, batch 128. */
  readonly millisecondsPerStep?: number;
}

/** Long enough for a second of steps on the slowest. */
const PATIENCE = 120_000;

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('say which devices run here and how fast, what the others need, and which one auto takes')
    .option('--json', 'print it as JSON')
    .action(doctor);
}

/**
 * Lets a device train for a second, in a process of its own: a driver that fails may take its process down with it, and
 * some libraries cannot be loaded beside each other.
 */
async function examine(device: EngineName): Promise<DeviceReport> {
  const { code, stdout, stderr } = await runSelf('bench', '--device', device, '--seconds', '1', '--json');
  if (code === 0) {
    const { engine, milliseconds } = JSON.parse(stdout);
    return { device, available: true, detail: engine, millisecondsPerStep: milliseconds.median };
  }
  const said = stderr.split('\n').find((line) => line.startsWith('vae: '));
  return { device, available: false, detail: said?.slice('vae: '.length) ?? `its process ended with ${code}` };
}

/** Runs a command of this program. */
function runSelf(...args: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1], ...args], { timeout: PATIENCE });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk) => {
      output[name] += chunk;
    });
  }
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code: code ?? String(signal), ...output }));
  });
}

async function doctor({ json }: { readonly json?: true }): Promise<void> {
  const { ALIASES, engines } = await import('../../engines/index.ts');
  const { examineCuda, hasDriver } = await import('../../engines/cuda/index.ts');
  const { environment } = await import('../environment.ts');
  const { result } = await import('../terminal.ts');
  const { openEngine } = await import('../engine.ts');
  const about = environment();
  if (!json) {
    for (const [what, value] of Object.entries(about)) result(`${what}: ${value}`);
    result(`threads: ${defaultThreads()} unless --threads says otherwise`);
  }
  const cuda = await examineCuda();
  const names = (Object.keys(engines) as EngineName[]).filter((name) => !ALIASES.has(name));
  const reports: DeviceReport[] = [];
  for (const name of names) {
    const report = await examine(name);
    reports.push(report);
    if (json) continue;
    result(formatReport(report));
    // A machine without the driver has no such GPU, and its one line has said so.
    if (name === 'cuda' && hasDriver()) for (const library of cuda.libraries) result(formatLibrary(library));
  }
  const auto = reports.some(({ available }) => available)
    ? (await openEngine('auto', defaultThreads())).name
    : undefined;
  if (json) result(JSON.stringify({ ...about, devices: reports, auto, cuda }));
  else if (auto !== undefined) result(`--device auto, the default, takes ${auto}`);
  if (auto === undefined) throw new Exit(RUNTIME_ERROR);
}

function formatReport({ device, available, detail, millisecondsPerStep }: DeviceReport): string {
  if (millisecondsPerStep === undefined) return `✗ --device ${device}: ${withoutName(device, detail)}`;
  return `${available ? '✓' : '✗'} --device ${device}: ${millisecondsPerStep.toFixed(1)} ms a step; ${detail}`;
}

const formatLibrary = ({ what, path, missing }: LibraryReport): string =>
  path === undefined ? `  ✗ ${missing}` : `  ✓ ${what}: ${path}`;

/** Messages begin with the device's name, which the line has named already. */
const withoutName = (device: EngineName, detail: string): string =>
  detail.startsWith(`${device}: `) ? detail.slice(device.length + 2) : detail;
