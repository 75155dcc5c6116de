/** Kills by every signal at random moments, several in a row; and two processes that want the same run. */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { contentOf, differences, progressOf, watchReplaced } from './compare.mjs';
import { each, errorLine, faultsOf, start } from './program.mjs';
import { generator } from './random.mjs';
import { EPOCHS, Trial, undisturbed } from './trial.mjs';

const SIGNALS = ['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'];
const SHORT_TRIALS = 6;

export async function kills({ seed, tally, timeIsUp, short, folder, subjects, only }) {
  const names = short ? ['digits'] : Object.keys(subjects);
  const known = {};
  for (const name of names) {
    known[name] = await undisturbed(path.join(folder, `kills-${name}`), name, subjects[name], tally);
  }
  const numbers = only === undefined ? count(short ? SHORT_TRIALS : Number.POSITIVE_INFINITY) : [only];
  await each(numbers, timeIsUp, async (n) => {
    const random = generator(seed, 'kills', n);
    const name = random.pick(names);
    const trial = new Trial(path.join(folder, `kill-${n}`), name, subjects[name], tally, known[name].expected);
    if (n % 4 === 3) await race(trial, random, n);
    else await killSeveral(trial, random, known[name].milliseconds);
    trial.close(`node scripts/reliability/campaign.mjs --seed ${seed} --only kills --case ${n}`);
  });
}

function* count(most) {
  for (let n = 0; n < most; n++) yield n;
}

async function killSeveral(trial, random, milliseconds) {
  for (let left = 1 + random.below(4); left > 0; left--) {
    const signal = random.pick(SIGNALS);
    const after = (0.3 + 0.8 * random.next()) * milliseconds;
    // A terminal that is closed, or a system that shuts down, sends several.
    const more =
      signal !== 'SIGKILL' && random.next() < 0.4 ? [random.pick(['SIGHUP', 'SIGTERM']), 50 * random.next()] : [];
    await trial.disturbed((args) => killAfter(args, trial, { signal, after, more }), signal, isFine);
    trial.tally.count('kills');
  }
  await trial.finish();
  trial.tally.count('runs brought to their end');
}

async function killAfter(args, trial, { signal, after, more: [second, later] }) {
  const hasSaved = watchReplaced(trial.checkpoint);
  const running = start(args, trial.options);
  const timer = setTimeout(() => {
    // Once it has saved a checkpoint, it must catch every signal that can be caught; until then one may end it.
    running.result.mustCatch = signal !== 'SIGKILL' && hasSaved() && progressOf(trial.checkpoint).epoch < EPOCHS;
    running.result.sent = signal;
    running.child.kill(signal);
    if (second !== undefined) setTimeout(() => running.child.kill(second), later);
  }, after);
  const result = await running.finished;
  clearTimeout(timer);
  return { ...result, second, isOver: progressOf(trial.checkpoint)?.epoch === EPOCHS };
}

/** A process may end by the signal that it was sent, unless it must catch it to save the open epoch. */
const isFine = (fault, { sent, second, signal, mustCatch, isOver }) =>
  fault.startsWith('it ended by') && (signal === sent || signal === second) && (!mustCatch || isOver);

/** What a lock may hold that no running process owns: of one that is gone, cut short, or damaged. */
const STALE = [undefined, '', '0', '-1', 'NaN', '999999999', '2147483647999', '\u0000\u0000\u0000\u0000'];

const saves = (trace) =>
  existsSync(trace) && /"(rename|link)Sync".*last\.safetensors"\]/.test(readFileSync(trace, 'utf8'));

/** Two processes at once: one trains, the other is told so, or comes when all is done. */
async function race(trial, random, n) {
  const { tally } = trial;
  const whole = random.pick(['new', 'resumed', 'resumed']);
  if (whole === 'resumed') {
    const hasSaved = watchReplaced(trial.checkpoint);
    const first = start(trial.nextArgs(), trial.options);
    const looking = setInterval(() => hasSaved() && first.child.kill('SIGKILL'), 1);
    await first.finished;
    clearInterval(looking);
    const stale = random.pick(STALE);
    if (stale !== undefined) {
      mkdirSync(path.join(trial.folder, 'run'), { recursive: true });
      writeFileSync(path.join(trial.folder, 'run', '.lock'), stale);
    }
  }
  const args = trial.nextArgs();
  const traces = [0, 1].map((i) => `${trial.folder}.${i}.trace`);
  const fault = (i) => ({ root: trial.folder, stall: '.lock', seed: 7919 * n + i, trace: traces[i] });
  const both = await Promise.all([0, 1].map((i) => start(args, { ...trial.options, fault: fault(i) }).finished));
  tally.count('races of two processes');
  for (const result of both) for (const fault of faultsOf(result)) trial.problems.push(`${fault} (race)`);
  // One that trains goes on to the end, so that there is nothing left to save for another.
  if (traces.every(saves)) trial.problems.push(`two processes train one run (${whole})`);
  for (const trace of traces) rmSync(trace, { force: true });
  if (both.every(({ code }) => code !== 0)) {
    trial.problems.push(`none of two processes trains (${whole}): ${errorLine(both[0])} | ${errorLine(both[1])}`);
  }
  const differing = differences(trial.expected, contentOf(trial.folder));
  if (differing.length > 0)
    trial.problems.push(`two processes leave another run (${whole}): ${differing.slice(0, 3).join(', ')}`);
}
