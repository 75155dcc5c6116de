/** vae doctor: which devices this machine can use, how fast they are, and what is missing. */

import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { WITHOUT_SHARP } from '../../data/pictures/decode.ts';
import { loadSharp } from '../../data/pictures/sharp-reader.ts';
import { examineCuda, hasDriver, type LibraryReport } from '../../engines/cuda/index.ts';
import { ALIASES, type EngineName, engines } from '../../engines/index.ts';
import { examineNative } from '../../engines/native/examine.ts';
import { settings } from '../../settings/table.ts';
import { defineCommand } from '../shared/command.ts';
import { openEngine } from '../shared/engine.ts';
import { environment } from '../shared/environment.ts';
import { OK, RUNTIME_ERROR } from '../shared/exit-codes.ts';
import { defaultThreads } from '../shared/options.ts';
import { startBar } from '../shared/progress-bar.ts';
import { sentence } from '../shared/terminal.ts';

interface DeviceReport {
  readonly device: EngineName;
  readonly available: boolean;
  /** What it is, or why it is not available and how to get it. */
  readonly detail: string;
  /** Median time of a training step of 784-500-500-20 and back, batch 128. */
  readonly millisecondsPerStep?: number;
}

/** Milliseconds; enough for a second of steps on the slowest device. */
const PATIENCE = 120_000;

const define = (command: Command): void => {
  const { help, rule } = settings.device;
  const words = `The option --device of other commands says ${help}: ${rule.choices?.join(', ')}. tfjs takes the fastest TensorFlow.js backend that is installed.`;
  command.addHelpText('after', `\n${command.createHelp().boxWrap(words, 80)}`);
};

async function examine() {
  const names = (Object.keys(engines) as EngineName[]).filter((name) => !ALIASES.has(name));
  const cuda = await examineCuda();
  const devices: DeviceReport[] = [];
  const bar = startBar('testing devices', names.length, 0, 'devices');
  for (const name of names) {
    bar.update(devices.length, { detail: name });
    devices.push(await examineDevice(name));
  }
  bar.stop();
  const native = await examineNative().catch(() => []);
  const works = devices.some(({ available }) => available);
  const auto = works ? (await openEngine('auto', defaultThreads())).name : undefined;
  const pictures = (await loadSharp()) === undefined ? WITHOUT_SHARP : 'PNG, JPEG, WebP, AVIF, TIFF and GIF are read';
  return { ...environment(), pictures, threads: defaultThreads(), devices, auto, cuda, native };
}

function print({ devices, auto, cuda, native, threads, ...about }: Awaited<ReturnType<typeof examine>>): void {
  for (const [what, value] of Object.entries(about)) sentence(`${what}: ${value}`);
  sentence(`threads: ${threads} by default; --threads changes it`);
  // Without the driver there is no such GPU, as the device's own line says.
  const details: Readonly<Record<string, readonly string[]>> = {
    cuda: hasDriver() ? cuda.libraries.map(formatLibrary) : [],
    native,
  };
  for (const report of devices) {
    sentence(formatReport(report));
    for (const line of details[report.device] ?? []) sentence(`  ${line}`);
  }
  if (auto !== undefined) sentence(`--device auto, the default, takes ${auto}`);
}

/**
 * Lets a device train for a second, in a process of its own: a driver that fails may end its process, and some libraries
 * cannot be loaded together.
 */
async function examineDevice(device: EngineName): Promise<DeviceReport> {
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

function formatReport({ device, available, detail, millisecondsPerStep }: DeviceReport): string {
  if (millisecondsPerStep === undefined) return `✗ --device ${device}: ${withoutName(device, detail)}`;
  return `${available ? '✓' : '✗'} --device ${device}: ${millisecondsPerStep.toFixed(1)} ms per step; ${detail}`;
}

const formatLibrary = ({ what, path, missing }: LibraryReport): string =>
  path === undefined ? `✗ ${missing}` : `✓ ${what}: ${path}`;

/** A message begins with the device's name, which the line already has. */
const withoutName = (device: EngineName, detail: string): string =>
  detail.startsWith(`${device}: `) ? detail.slice(device.length + 2) : detail;

export const command = defineCommand({
  define,
  run: examine,
  print,
  exitCode: ({ auto }) => (auto === undefined ? RUNTIME_ERROR : OK),
});
