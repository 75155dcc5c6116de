/** Each operation on files fails, once or from then on: a full disk, a broken one, missing rights, no descriptors left. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { contentOf, differences } from './compare.mjs';
import { each, run } from './program.mjs';
import { generator } from './random.mjs';
import { Trial, undisturbed } from './trial.mjs';

const SHORT_POINTS = 8;
const CODES = ['ENOSPC', 'EIO', 'EACCES', 'EBUSY', 'EMFILE', 'EROFS', 'EDQUOT'];

export async function disks({ seed, tally, timeIsUp, short, folder, subjects, only }) {
  const known = {};
  const points = [];
  for (const subject of short ? ['digits'] : ['digits', 'pictures']) {
    known[subject] = await undisturbed(path.join(folder, `disks-${subject}`), subject, subjects[subject], tally);
    for (const { n, name, files } of known[subject].operations) {
      for (const mode of CODES) {
        for (const stays of [true, false])
          points.push({ subject, mode, stays, n, what: `${name} ${files.join(' → ')}` });
      }
    }
  }
  const order = generator(seed, 'disks').shuffled(points.map((point, i) => ({ ...point, i })));
  const asked = only === undefined ? order : order.filter(({ i }) => i === only);
  if (only === undefined) await fillRealDisks({ tally, short, folder, subjects, known, timeIsUp });
  await each(short ? order.slice(0, SHORT_POINTS) : asked, timeIsUp, async ({ subject, mode, stays, n, what, i }) => {
    const trial = new Trial(path.join(folder, `disk-${i}`), subject, subjects[subject], tally, known[subject].expected);
    const said = `${mode}${stays ? ' from then on' : ' once'} at operation ${n}, ${what}`;
    const fault = { root: trial.folder, at: n, mode, stays };
    const result = await trial.disturbed(
      (args) => run(args, { ...trial.options, fault }),
      said,
      () => false,
      n > known[subject].savedAt,
    );
    checkSaid(trial, result, said);
    await trial.finish();
    tally.count('failing operations');
    if (trial.close(`node scripts/reliability/campaign.mjs --seed ${seed} --only disks --case ${i}`)) {
      tally.count('identical afterwards');
    }
  });
}

/** A run that says nothing of a failure must be as if there had been none. */
function checkSaid(trial, { code }, said) {
  if (code !== 0) return;
  const differing = differences(trial.expected, contentOf(trial.folder));
  if (differing.length > 0) trial.problems.push(`exit code 0, but ${differing.slice(0, 3).join(', ')} (${said})`);
}

/** A file system of a few hundred kilobytes that fills up, and is then given more. */
async function fillRealDisks({ tally, short, folder, subjects, known, timeIsUp }) {
  const mount = (size, place, more = '') =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', `${more}size=${size}k`, 'tmpfs', place]).status === 0;
  for (const kilobytes of short ? [60, 110] : Array.from({ length: 24 }, (_, i) => 4 + 8 * i)) {
    if (timeIsUp()) return;
    const place = path.join(folder, `tmpfs-${kilobytes}`);
    const trial = new Trial(place, 'digits', subjects.digits, tally, known.digits.expected);
    mkdirSync(place, { recursive: true });
    if (!mount(kilobytes, place)) {
      tally.count('real full disks, because mounting is not allowed', 0);
      return;
    }
    try {
      const said = `a disk of ${kilobytes} kB`;
      const result = await trial.disturbed(
        (args) => run(args, trial.options),
        said,
        () => false,
      );
      checkSaid(trial, result, said);
      mount(8000, place, 'remount,');
      await trial.finish();
    } finally {
      const problems = trial.problems.splice(0);
      spawnSync('umount', [place]);
      for (const problem of problems) tally.fail(`digits: ${problem}`, `a tmpfs of ${kilobytes} kB`);
      rmSync(place, { recursive: true, force: true });
    }
    tally.count('real full disks');
  }
}
