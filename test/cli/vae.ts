/** Runs the built program as users run it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const PROGRAM = path.resolve('bin/vae.js');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
}

/** Starts the program in a folder. */
export const start = (folder: string, ...args: string[]): Running => startWith({}, folder, ...args);

/** With more variables in its environment. */
export function startWith(variables: Readonly<Record<string, string>>, folder: string, ...args: string[]): Running {
  const env = { ...process.env, ...variables };
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { process: child, finished };
}

export const vae = (folder: string, ...args: string[]): Promise<Finished> => start(folder, ...args).finished;

export const vaeWith = (
  variables: Readonly<Record<string, string>>,
  folder: string,
  ...args: string[]
): Promise<Finished> => startWith(variables, folder, ...args).finished;

/** A folder that is gone when the tests are. */
export function temporaryFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'vae-cli-'));
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
