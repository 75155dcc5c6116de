/** Runs the built program under a watch: what it printed, how it ended, how long it took and how much memory it held. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const HOUSE = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = path.join(HOUSE, 'bin', 'vae.js');
const FAULTS = pathToFileURL(path.join(HOUSE, 'scripts', 'reliability', 'faults.mjs')).href;
/** A run of the campaign takes about half a second alone on a machine; one that takes this long hangs. */
export const HANG = 60_000;
const LOOK_EVERY = 25;

/** Bytes that a process has held at most, where the system tells. */
export function peakOf(id) {
  try {
    return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const TICKS = 100;

/** Milliseconds that a process has computed, where the system tells. */
export function computedOf(id) {
  try {
    const fields = readFileSync(`/proc/${id}/stat`, 'latin1')
      .replace(/^.*\) /, '')
      .split(' ');
    return (1000 / TICKS) * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return 0;
  }
}

/**
 * Starts the program.
 * @param cwd where it runs
 * @param fault what faults.mjs is told
 * @param limit milliseconds after which it is killed
 */
export function start(args, { cwd, env = {}, fault, limit = HANG, tally, what = args[0] }) {
  const began = performance.now();
  const preload = fault === undefined ? [] : ['--import', FAULTS];
  const variables = fault === undefined ? env : { ...env, VAE_FAULT: JSON.stringify(fault) };
  const child = spawn(process.execPath, [...preload, PROGRAM, ...args], {
    cwd,
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const result = { args, stdout: '', stderr: '', hung: false };
  child.stdout.on('data', (chunk) => {
    result.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    result.stderr += chunk;
  });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakOf(child.pid));
    if (performance.now() - began < limit) return;
    result.hung = true;
    child.kill('SIGKILL');
  }, LOOK_EVERY);
  const finished = new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearInterval(watch);
      const milliseconds = performance.now() - began;
      tally?.took(milliseconds, what);
      tally?.held(peak, what);
      resolve(Object.assign(result, { code, signal, milliseconds, peak }));
    });
  });
  return { child, result, finished };
}

export const run = (args, options) => start(args, options).finished;

const STACK = /^\s+at .+[:(]|node:internal|^Node\.js v/m;
/** What moves a terminal's cursor or colours it; all output goes through pipes here, so there is no reason for any. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

/** What is wrong with how a program ended, whatever it was asked. Empty where nothing is. */
export function faultsOf({ code, signal, stdout, stderr, hung }) {
  const found = [];
  if (hung) return ['it hangs'];
  if (STACK.test(stderr)) found.push(`a stack: ${firstLine(stderr.slice(stderr.search(/\w*Error/)))}`);
  if (CONTROL.test(stdout) || CONTROL.test(stderr)) found.push('control characters reach the terminal');
  if (signal !== null) found.push(`it ended by ${signal}`);
  else if (![0, 1, 2, 130].includes(code)) found.push(`exit code ${code}`);
  const errors = stderr.split('\n').filter((line) => line.startsWith('vae: '));
  if ((code === 1 || code === 2) && errors.length !== 1) {
    found.push(`${errors.length} error lines with exit code ${code}: ${firstLine(stderr)}`);
  }
  return found;
}

export const firstLine = (text) => text.trim().split('\n')[0].slice(0, 300);
/** The line that says what went wrong. */
export const errorLine = ({ stderr }) =>
  firstLine(stderr.split('\n').find((line) => line.startsWith('vae: ')) ?? stderr);

/** Does work for each item, two at a time, until there are no more or the time is up. */
export async function each(items, timeIsUp, work, workers = 2) {
  const queue = items[Symbol.iterator]();
  const one = async () => {
    while (!timeIsUp()) {
      const { value, done } = queue.next();
      if (done) return;
      await work(value);
    }
  };
  await Promise.all(Array.from({ length: workers }, one));
}
