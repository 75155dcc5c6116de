/** Cases in large numbers, in processes that are stopped where they hang or take too much memory. */

import { fork } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeParsers } from './parsers.mjs';
import { computedOf, peakOf } from './program.mjs';

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));
/** One case may take this long, and this much memory with all that the process needs beside it. */
const LONGEST = 30_000;
/** What neither computes nor ends; beside other work on the machine a case may wait for its turn. */
const LONGEST_WAIT = 90_000;
const LARGEST = 1e9;
const LOOK_EVERY = 100;
/** Seconds that a kind of cases has in its turn. */
const TURN = 6;

/** The parsers' own names are known where they are made. */
export async function damagedFiles(context) {
  const parsers = await makeParsers(path.join(context.folder, 'listed'));
  const tasks = Object.entries(parsers).map(([name, { isSlow, cases }]) => ({
    name,
    most: isSlow ? 25 : 400,
    hasEnd: cases !== undefined,
  }));
  await tryCases('damaged files', [{ name: 'bombs', most: 4, hasEnd: true }, ...tasks], context);
}

export const downloads = (context) => tryCases('series of downloads', [{ name: 'downloads', most: 50 }], context);
export const settings = (context) => tryCases('settings', [{ name: 'settings', most: 30 }], context);

/** @param kinds of cases, by the names that the worker knows, each with how many of them the short form tries. */
async function tryCases(noun, kinds, { seed, tally, timeIsUp, short, folder }) {
  const place = path.join(folder, 'cases');
  mkdirSync(place, { recursive: true });
  const tasks = kinds.map(({ name, most }) => ({
    name,
    next: 0,
    turn: 0,
    to: short ? most : Number.MAX_SAFE_INTEGER,
  }));
  // What has an end is tried to its end; of the rest, the one that has waited longest is next.
  const rank = ({ hasEnd, turn }) => (hasEnd ? -1 : turn);
  const one = async () => {
    while (!timeIsUp()) {
      const waiting = tasks.filter(({ isDone, busy }) => !isDone && !busy).sort((a, b) => rank(a) - rank(b));
      if (waiting.length === 0) return;
      const [task] = waiting;
      Object.assign(task, { busy: true, turn: performance.now() });
      await takeTurn(task, { noun, seed, tally, place, timeIsUp });
      task.busy = false;
    }
  };
  await Promise.all([one(), one()]);
  // A kind of which nothing was tried would look as if nothing had been found.
  for (const { name, next, turn } of tasks)
    if (turn > 0 && next === 0) tally.fail(`${name}: nothing was tried`, 'it needs more time');
  for (const { name, total, next } of tasks) if (total !== undefined) tally.count(`of ${total} ${name}`, next);
  rmSync(place, { recursive: true, force: true });
}

function takeTurn(task, { noun, seed, tally, place, timeIsUp }) {
  const { name } = task;
  const own = path.join(place, name.replace(/\W/g, '-'));
  mkdirSync(own, { recursive: true });
  const status = path.join(own, 'status');
  writeFileSync(status, ''.padEnd(16));
  const again = (n) => `node scripts/reliability/worker.mjs "${name}" ${seed} ${n}`;
  return new Promise((resolve) => {
    const child = fork(WORKER, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let [errors, last, since, stopped, finished] = ['', '', performance.now(), '', false];
    let computed = 0;
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('message', (report) => {
      if (report.ready) {
        child.send({ name, seed, from: task.next, to: task.to, milliseconds: 1000 * TURN, folder: own, status });
        return;
      }
      task.next = report.next;
      task.total = report.total;
      const tried = Object.values(report.counts).reduce((sum, count) => sum + count, 0);
      tally.count(noun, tried);
      for (const [kind, count] of Object.entries(report.counts)) tally.count(kind, count);
      for (const { n, what } of report.wrong) tally.fail(`${name}: ${what}`, again(n));
      tally.took(report.slowest.milliseconds, `${name}, case ${report.slowest.n}`);
      tally.held(report.peak, name);
      finished = report.done;
      if (report.done && task.next >= Math.min(task.to, report.total ?? Number.POSITIVE_INFINITY)) task.isDone = true;
    });
    const watch = setInterval(() => {
      const now = readFileSync(status, 'latin1').trim();
      if (now !== last) [last, since, computed] = [now, performance.now(), computedOf(child.pid)];
      if (finished || stopped !== '') return;
      if (peakOf(child.pid) > LARGEST) stopped = `takes more than ${LARGEST / 1e9} GB`;
      else if (last !== '' && computedOf(child.pid) - computed > LONGEST)
        stopped = `computes for more than ${LONGEST / 1000} s`;
      else if (last !== '' && performance.now() - since > LONGEST_WAIT)
        stopped = `waits for more than ${LONGEST_WAIT / 1000} s`;
      if (stopped !== '' || timeIsUp()) child.kill('SIGKILL');
    }, LOOK_EVERY);
    child.on('close', (code, signal) => {
      clearInterval(watch);
      const n = Number(readFileSync(status, 'latin1').trim());
      if (!finished && (stopped !== '' || !timeIsUp())) {
        tally.count(noun);
        tally.took(performance.now() - since, `${name}, case ${n}`);
        tally.fail(
          `${name}: ${stopped || `the process ends (${signal ?? code}): ${errors.trim().slice(0, 200)}`}`,
          again(n),
        );
        // What was found before this case in the same batch is tried again, for its counts.
        task.next = Math.max(n + 1, task.next);
      }
      if (task.total !== undefined && task.next >= task.total) task.isDone = true;
      if (task.next >= task.to) task.isDone = true;
      resolve();
    });
  });
}
