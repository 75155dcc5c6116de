/** Combinations of all choices that there are: each trains for two updates, or is refused in one line. */

import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { errorLine, faultsOf } from './program.mjs';
import { writeDigits, writePictures } from './subjects.mjs';

/** Every combination of these is tried; of the others, one of those that fit is drawn for each. */
const CORE = ['model', 'posterior', 'likelihood', 'objective', 'estimator', 'kl', 'binarize'];
/** Small, so that a run takes a moment; and the ends of ranges. */
const VALUES = {
  hidden: ['4', '4,3'],
  channels: ['2', '2,2'],
  kernel: ['2', '3', '4'],
  blocks: ['1', '2'],
  latent: ['1', '2'],
  dropout: ['0', '0.5'],
  flowSteps: ['1', '3'],
  flowHidden: ['4'],
  flowContext: ['3'],
  mixtures: ['1', '2'],
  stddev: ['0.1', '1', 'learned', 'per-pixel'],
  inputNoise: ['salt-and-pepper:0.1', 'normal:0.1', 'none:3'],
  beta: ['0', '1', '4'],
  klWarmUp: ['0', '3'],
  freeBits: ['0', '0.1'],
  samples: ['1', '3'],
  learningRate: ['0.001', '1', '1e-30'],
  epsilon: ['1e-8', '1'],
  momentum: ['0', '0.9'],
  weightDecay: ['0', '0.01'],
  warmUp: ['0', '3'],
  decay: ['0.1', '1'],
  decayEvery: ['1', '10'],
  floor: ['0', '1e-4'],
  clip: ['0', '1'],
  patience: ['0', '1'],
  keepEvery: ['0', '1'],
  validation: ['0', '4'],
  batchSize: ['5', '12'],
  seed: ['0', '7'],
};
/** Without these a network of the usual size would be trained. */
const ALWAYS = ['hidden', 'channels', 'blocks', 'latent', 'flowHidden', 'flowContext', 'batchSize'];
const NOT_DRAWN = [
  'preset',
  'dataset',
  'dataDir',
  'imageSize',
  'imageChannels',
  'device',
  'precision',
  'threads',
  'epochs',
  'steps',
];

export async function makeSettings(folder) {
  const dist = (file) => import(new URL(`../../dist/${file}`, import.meta.url));
  const { run } = await dist('cli/main.js');
  const { flagName } = await dist('cli/shared/flags.js');
  const table = await dist('settings/table.js');
  writeDigits(path.join(folder, 'digits'), 24, 8, 8);
  writePictures(path.join(folder, 'pictures'), 16, 8);
  process.chdir(folder);
  process.env.VAE_DATA_DIR = path.join(folder, 'cache');
  for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0);
  const choicesOf = (name) => table.settingOf(name).rule.choices ?? VALUES[name] ?? [];
  const cases = CORE.reduce((product, name) => product * choicesOf(name).length, 1);

  /** The n-th combination; 7919 divides no such number, so that neighbours differ in everything. */
  function coreOf(n) {
    let rest = (7919 * n) % cases;
    return Object.fromEntries(
      CORE.map((name) => {
        const choices = choicesOf(name);
        const chosen = choices[rest % choices.length];
        rest = Math.floor(rest / choices.length);
        return [name, chosen];
      }),
    );
  }

  const isRead = (name, chosen) =>
    table.readersOf(name).every(({ by, names }) => names.includes(chosen[by] ?? String(table.DEFAULTS[by])));

  function flagsOf(random, n) {
    const core = coreOf(n);
    // What has no effect is refused; now and then that is tried too.
    const isGiven = (name, chosen) => isRead(name, chosen) || random.below(100) === 0;
    const chosen = Object.fromEntries(Object.entries(core).filter(([name]) => isGiven(name, core)));
    for (const name of random.shuffled(table.SETTING_NAMES)) {
      if (name in core || NOT_DRAWN.includes(name) || !isGiven(name, chosen)) continue;
      if (!ALWAYS.includes(name) && random.below(4) > 0) continue;
      const { rule, default: standard } = table.settingOf(name);
      if (rule.expects === 'true or false') chosen[name] = !standard;
      else if (choicesOf(name).length > 0) chosen[name] = random.pick(choicesOf(name));
    }
    return Object.entries(chosen).flatMap(([name, value]) =>
      typeof value === 'boolean' ? [flagName(name, value)] : [flagName(name), value],
    );
  }

  /** Runs a command line in this process. */
  async function captured(args) {
    const result = { args, stdout: '', stderr: '', signal: null, hung: false };
    const writes = { stdout: process.stdout.write, stderr: process.stderr.write };
    for (const name of ['stdout', 'stderr']) {
      process[name].write = (text) => {
        result[name] += text;
        return true;
      };
    }
    try {
      result.code = await run(args);
    } finally {
      Object.assign(process.stdout, { write: writes.stdout });
      Object.assign(process.stderr, { write: writes.stderr });
    }
    const faults = faultsOf(result);
    if (faults.length > 0) throw new Error(`${faults.join('; ')}: vae ${args.join(' ')}`);
    return result;
  }

  const uses = [['sample', '-n', '4'], ['evaluate'], ['encode', '--out', 'codes.csv'], ['traverse'], ['info']];
  return {
    cases,
    async attempt(random, n) {
      rmSync('run', { recursive: true, force: true });
      const data = random.below(3) > 0 ? ['--data-dir', 'digits'] : ['--dataset', './pictures', '--image-size', '8'];
      const device = ['--device', random.below(8) === 0 ? 'onnx' : 'reference', '--threads', '1'];
      const args = ['train', ...data, ...device, ...flagsOf(random, n), '--steps', '2', '--out', 'run'];
      const { code, stderr } = await captured(args).catch((error) => {
        throw new Error(`${error.message}: vae ${args.join(' ')}`);
      });
      if (code === 2) return 'refused';
      if (code === 1) {
        if (!/diverge|not finite|NaN|infinite|no longer a number/i.test(stderr))
          throw new Error(`exit code 1: ${errorLine({ stderr })}: vae ${args.join(' ')}`);
        return 'diverged, and said so';
      }
      const [record] = readFileSync('run/metrics.jsonl', 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      if (
        !Object.values(record.test)
          .filter((value) => typeof value === 'number')
          .every(Number.isFinite)
      ) {
        throw new Error(`a figure is not finite: vae ${args.join(' ')}`);
      }
      if (random.below(4) === 0) {
        const used = await captured([...random.pick(uses), '--run', 'run']);
        if (used.code !== 0)
          throw new Error(`a trained model cannot be used: ${errorLine(used)}: vae ${args.join(' ')}`);
      }
      return 'trained';
    },
  };
}
