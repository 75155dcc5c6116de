/** Long runs: memory and open files do not grow with epochs, and a run that is resumed a hundred times is the same run. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { contentOf, differences, stepOf, watchReplaced } from './compare.mjs';
import { errorLine, faultsOf, run, start } from './program.mjs';
import { writePictures } from './subjects.mjs';

const EPOCHS = 200;
const FIRST = 10;
const RESUMES = 100;
/** What a garbage collector may leave for later. */
const SLACK = 60e6;
const LOOK_EVERY = 20;

/** An epoch writes one line. */
const linesOf = (file) => (existsSync(file) ? readFileSync(file, 'latin1').split('\n').length - 1 : 0);

/** Memory and open files of a process; undefined where the system does not tell. */
function lookAt(id) {
  try {
    const resident = 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'))[1]);
    return { resident, files: readdirSync(`/proc/${id}/fd`).length };
  } catch {
    return undefined;
  }
}

export async function endurance({ tally, short, folder, subjects, timeIsUp }) {
  const place = path.join(folder, 'endurance');
  mkdirSync(place, { recursive: true });
  const large = path.join(place, 'large');
  // Ten test images, as many as are followed from epoch to epoch.
  writePictures(path.join(large, 'train'), 12, 128);
  writePictures(path.join(large, 'test'), 10, 128);
  const options = { cwd: place, env: { VAE_DATA_DIR: path.join(place, 'cache') }, tally, limit: 600_000 };
  const network = ['--model', 'dense', '--likelihood', 'bernoulli', '--hidden', '4', '--latent', '2', '--threads', '1'];
  const runs = {
    'small images': subjects.digits,
    'images of 128 × 128': [
      '--dataset',
      large,
      '--image-size',
      '128',
      '--batch-size',
      '8',
      '--device',
      'onnx',
      ...network,
    ],
  };
  if (!short) {
    for (const [name, args] of Object.entries(runs)) {
      if (!timeIsUp()) await grow(name, args, options);
    }
  }
  if (!timeIsUp()) await resumeOften(short ? 4 : RESUMES, subjects.digits, options);
  rmSync(place, { recursive: true, force: true });
}

async function grow(name, args, options) {
  const { tally, cwd } = options;
  const running = start(['train', ...args, '--epochs', String(EPOCHS), '--out', 'long'], { ...options, what: name });
  const seen = new Map();
  const looking = setInterval(() => {
    const epoch = linesOf(path.join(cwd, 'long', 'metrics.jsonl'));
    if (!seen.has(epoch)) seen.set(epoch, lookAt(running.child.pid));
  }, LOOK_EVERY);
  const result = await running.finished;
  clearInterval(looking);
  const again = `vae train ${args.join(' ')} --epochs ${EPOCHS}`;
  for (const fault of faultsOf(result)) tally.fail(`${name}: ${fault}`, again);
  if (result.code !== 0) tally.fail(`${name}: ${errorLine(result)}`, again);
  const known = [...seen].filter(([epoch, look]) => epoch >= FIRST && look !== undefined);
  tally.count('epochs', EPOCHS);
  if (known.length > 1) {
    const [[from, first], [to, last]] = [known[0], known.at(-1)];
    const [before, after] = [first, last].map(({ resident }) => Math.round(resident / 1e6));
    tally.count(`MB with ${name} at epoch ${from}`, before);
    tally.count(`MB with ${name} at epoch ${to}`, after);
    if (last.resident > first.resident + SLACK)
      tally.fail(`${name}: memory grows from ${before} MB to ${after} MB`, again);
    if (last.files > first.files + 2)
      tally.fail(`${name}: open files grow from ${first.files} to ${last.files}`, again);
  }
  rmSync(path.join(cwd, 'long'), { recursive: true, force: true });
}

/** Interrupted again and again, an epoch or a few at a time. */
async function resumeOften(times, args, options) {
  const { tally, cwd } = options;
  const more = ['--epochs', String(6 * times)];
  const folder = path.join(cwd, 'run');
  const checkpoint = path.join(folder, 'checkpoints', 'last.safetensors');
  const first = ['train', ...args, ...more, '--out', 'run'];
  await run(first, options);
  const expected = contentOf(folder);
  rmSync(folder, { recursive: true });
  for (let n = 0; n <= times; n++) {
    const hasSaved = watchReplaced(checkpoint);
    const running = start(n === 0 ? first : ['train', '--resume', 'run'], { ...options, what: 'resumed' });
    const looking = setInterval(() => {
      if (n === times || !hasSaved()) return;
      clearInterval(looking);
      running.child.kill('SIGINT');
    }, 1);
    const result = await running.finished;
    clearInterval(looking);
    for (const fault of faultsOf(result)) tally.fail(`resumed ${n} times: ${fault}`, errorLine(result));
    if (n < times && result.code !== 130) {
      tally.fail(
        `interrupt ${n} is not heeded: exit code ${result.code} after ${stepOf(checkpoint)} updates`,
        '--only endurance',
      );
      break;
    }
    tally.count('interrupts and resumes in a row');
  }
  const differing = differences(expected, existsSync(folder) ? contentOf(folder) : new Map());
  if (differing.length > 0)
    tally.fail(`resumed ${times} times, it is not the same: ${differing.slice(0, 4).join(', ')}`, '--only endurance');
}
