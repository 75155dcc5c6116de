/** The process is killed at each of its operations on files: before it, after it, in the middle of a write, by a power cut. */

import path from 'node:path';
import { each, run } from './program.mjs';
import { generator } from './random.mjs';
import { Trial, undisturbed } from './trial.mjs';

const SHORT_POINTS = 12;

const isWrite = (name) => /write|append/i.test(name);

const isKill = (problem) => /SIGKILL/.test(problem);

/** Every way in which a process can end at an operation. */
const modesOf = ({ name }) => ['before', ...(isWrite(name) ? ['half'] : []), 'after', 'power'];

export async function crashes({ seed, tally, timeIsUp, short, folder, subjects, only }) {
  const known = {};
  const points = [];
  for (const subject of short ? ['digits'] : ['digits', 'pictures']) {
    known[subject] = await undisturbed(path.join(folder, `crashes-${subject}`), subject, subjects[subject], tally);
    for (const operation of known[subject].operations) {
      for (const mode of modesOf(operation)) points.push({ subject, mode, operation });
    }
  }
  tally.count('crash points there are', points.length);
  const order = generator(seed, 'crashes').shuffled(points.map((point, i) => ({ ...point, i })));
  const asked = only === undefined ? order : order.filter(({ i }) => i === only);
  await each(short ? order.slice(0, SHORT_POINTS) : asked, timeIsUp, async ({ subject, mode, operation, i }) => {
    const trial = new Trial(
      path.join(folder, `crash-${i}`),
      subject,
      subjects[subject],
      tally,
      known[subject].expected,
    );
    const { n, name, files } = operation;
    const what = `killed ${mode === 'power' ? 'by a power cut after' : mode} operation ${n}, ${name} ${files.join(' → ')}`;
    const fault = { root: trial.folder, at: n, mode };
    await trial.disturbed((args) => run(args, { ...trial.options, fault }), what, isKill, n > known[subject].savedAt);
    // Now and then the process that goes on is killed as well, somewhere.
    const random = generator(seed, 'crashes', i);
    if (random.below(3) === 0) {
      const later = { ...fault, at: 1 + random.below(n), mode: random.pick(['before', 'after', 'power']) };
      await trial.disturbed(
        (args) => run(args, { ...trial.options, fault: later }),
        `${what}, then ${later.at}`,
        isKill,
      );
      tally.count('crash points in a process that went on');
    }
    await trial.finish();
    tally.count('crash points tried');
    if (trial.close(`${what}: node scripts/reliability/campaign.mjs --seed ${seed} --only crashes --case ${i}`)) {
      tally.count('identical afterwards');
    }
  });
}
