/** Every preset and every kind of model, from training to pictures, on small data. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePng, encodePng } from '../../src/data/pictures/png.ts';
import { presets } from '../../src/settings/presets.ts';
import { cifarBatch } from '../data/batches.ts';
import { writeDigits } from '../data/digits.ts';
import { temporaryFolder, vae } from './vae.ts';

const { folder, remove } = temporaryFolder();
const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
beforeAll(() => {
  writeDigits(inFolder('digits'), 90, 30);
  mkdirSync(inFolder('colours'));
  const labels = (count: number) => Array.from({ length: count }, (_, i) => i % 10);
  writeFileSync(inFolder('colours', 'data_batch_1.bin'), cifarBatch(labels(60)));
  writeFileSync(inFolder('colours', 'test_batch.bin'), cifarBatch(labels(20)));
  const stripes = Uint8Array.from({ length: 20 * 20 * 3 }, (_, i) => (i % 60 < 20 ? 230 : 30));
  writeFileSync(inFolder('stripes.png'), encodePng(20, 20, 3, stripes));
});
afterAll(remove);

const onDigits = ['--data-dir', 'digits', '--batch-size', '30', '--validation', '10'];
const onColours = ['--dataset', 'cifar10', '--data-dir', 'colours', '--batch-size', '20', '--validation', '10'];
const smallResidual = ['--channels', '8,16', '--blocks', '1'];

/** Trains, then looks at what every command that takes a model makes of it. */
async function tryOut(name: string, args: readonly string[], likelihood: 'bound' | 'none' = 'bound'): Promise<void> {
  const trained = await vae(folder, 'train', ...args, '--out', name);
  expect([trained.code, trained.stderr]).toEqual([0, expect.not.stringMatching(/^vae: /m)]);
  expect(readdirSync(inFolder(name)).sort()).toEqual(
    [
      ...['charts', 'checkpoints', 'config.json', 'curves.jsonl', 'environment.json', 'history', 'metrics.jsonl'],
      ...['reconstruction-history.png', 'reconstructions', 'samples'],
    ].sort(),
  );
  const evaluated = await vae(
    folder,
    'evaluate',
    '--run',
    name,
    '--json',
    ...(likelihood === 'bound' ? ['--samples', '3'] : []),
  );
  const { bound, logLikelihood, kl, importance, latents } = JSON.parse(evaluated.stdout);
  expect([bound, logLikelihood, latents.activeUnits].every(Number.isFinite)).toBe(true);
  expect(kl).toBeGreaterThanOrEqual(0);
  // Of three samples, which a bound of one sample cannot exceed by more than its noise.
  if (likelihood === 'bound') expect(importance.logEvidence).toBeGreaterThan(bound - 5);
  const sampled = await vae(folder, 'sample', '--run', name, '-n', '4', '--out', 'samples.png');
  expect(sampled.stderr.includes('follow no prior')).toBe(likelihood === 'none');
  const { rgba } = decodePng(readFileSync(inFolder('samples.png')), 'samples');
  expect(new Set(rgba).size).toBeGreaterThan(3);
  const reconstructed = await vae(folder, 'reconstruct', '--run', name, '--input', 'stripes.png', '--json');
  expect(Number.isFinite(JSON.parse(reconstructed.stdout).logLikelihood)).toBe(true);
}

describe('a preset trains, and gives numbers and pictures', () => {
  const shorter: Readonly<Record<string, readonly string[]>> = {
    altosaar: ['--steps', '5'],
    'altosaar-flow': ['--steps', '5'],
    tutorial: ['--steps', '5'],
    iwae: ['--epochs', '1', '--samples', '5'],
    cifar: [...onColours, ...smallResidual, '--epochs', '1'],
    'conv-map': [...onColours, '--channels', '4,6', '--latent', '8x8x2', '--steps', '3'],
    ladder: [...onDigits, '--channels', '4,6', '--latent', '2x2x2', '--blocks', '1', '--epochs', '1'],
    'ladder-cifar': [...onColours, '--channels', '4,6,8', '--latent', '4x4x2', '--blocks', '1', '--epochs', '1'],
  };
  for (const name of Object.keys(presets)) {
    it(name, async () => {
      const data = shorter[name]?.includes('--data-dir') ? [] : onDigits;
      await tryOut(
        name,
        ['--preset', name, ...data, ...(shorter[name] ?? ['--epochs', '1'])],
        name === 'seminar-ae' ? 'none' : 'bound',
      );
    });
  }

  it('says what it is, with its source, and can be overridden', async () => {
    const listed = await vae(folder, 'presets');
    for (const name of Object.keys(presets)) expect(listed.stdout).toContain(name);
    const args = ['--preset', 'cifar', ...onColours, ...smallResidual, '--latent', '3', '--squash', '--epochs', '1'];
    await vae(folder, 'train', ...args, '--out', 'changed');
    const config = JSON.parse(readFileSync(inFolder('changed', 'config.json'), 'utf8'));
    expect(config).toMatchObject({ preset: 'cifar', latent: 3, squash: true, range: 'symmetric', optimizer: 'adamw' });
  });
});

describe('a model trains, and gives numbers and pictures', () => {
  const models: Readonly<Record<string, readonly string[]>> = {
    'convolutions on digits': [...onDigits, '--model', 'conv', '--channels', '4,8', '--hidden', '16', '--flip'],
    'a logistic mixture on colours': [
      ...onColours,
      '--likelihood',
      'logistic-mixture',
      '--mixtures',
      '2',
      '--channels',
      '4,8',
    ],
    'discretised logistics on colours': [
      ...[...onColours, '--likelihood', 'discretised-logistic'],
      ...['--channels', '4,8', '--kernel', '3', '--clip', '5'],
    ],
    'a continuous Bernoulli': [...onDigits, '--likelihood', 'continuous-bernoulli', '--kl-warm-up', '2'],
    'one learned deviation': [...onDigits, '--likelihood', 'normal', '--stddev', 'learned', '--free-bits', '0.1'],
    'the score function': [...onDigits, '--estimator', 'score-function', '--samples', '2', '--schedule', 'cosine'],
    'disturbed inputs': [
      ...onDigits,
      '--input-noise',
      'salt-and-pepper:0.1',
      '--optimizer',
      'sgd',
      '--momentum',
      '0.9',
    ],
  };
  for (const [name, args] of Object.entries(models)) {
    it(name, () => tryOut(name.replaceAll(' ', '-'), [...args, '--epochs', '1']));
  }
});

describe('vae compare', () => {
  it('measures runs on the same images, and says what cannot be compared', async () => {
    const { code, stdout, stderr } = await vae(folder, 'compare', 'seminar-ae', 'seminar-vae', 'seminar-flow');
    expect(code).toBe(0);
    const [head, ...rows] = stdout.trim().split('\n');
    expect(head).toMatch(/^run +updates +bound +log p\(x\|z\) +KL +squared error +active$/);
    expect(rows.slice(0, 3).map((row) => row.split(/ +/)[0])).toEqual(['seminar-ae', 'seminar-vae', 'seminar-flow']);
    expect(stderr).toContain('do not compare their bounds');
    const alone = await vae(folder, 'evaluate', '--run', 'seminar-vae', '--json');
    const { runs } = JSON.parse((await vae(folder, 'compare', 'seminar-vae', '--json')).stdout);
    expect(runs[0].bound).toBe(JSON.parse(alone.stdout).bound);
    const { height } = decodePng(readFileSync(inFolder('comparison.png')), 'comparison');
    expect(height).toBeGreaterThan(100);
    // The KL of a flow is an estimate.
    expect(rows.slice(0, 3).map((row) => row.includes('≈'))).toEqual([false, false, true]);
  });

  it('compares bounds of models that were trained with other weights: all are measured at β = 1', async () => {
    const small = [...onDigits, '--hidden', '8', '--latent', '2', '--epochs', '1'];
    await vae(folder, 'train', ...small, '--out', 'plain');
    await vae(folder, 'train', ...small, '--beta', '4', '--validation', '20', '--out', 'heavy');
    await vae(folder, 'train', ...small, '--objective', 'iwae', '--samples', '3', '--out', 'weighted');
    const same = await vae(folder, 'compare', 'plain', 'heavy');
    expect([same.code, same.stderr]).toEqual([0, expect.not.stringContaining('do not compare')]);
    expect((await vae(folder, 'compare', 'plain', 'weighted')).stderr).toContain('do not compare their bounds');
  });

  it('finds a damaged run before it measures the first one, and says what to do', async () => {
    mkdirSync(inFolder('cut run', 'checkpoints'), { recursive: true });
    const bytes = readFileSync(inFolder('seminar-vae', 'checkpoints', 'last.safetensors'));
    writeFileSync(inFolder('cut run', 'checkpoints', 'last.safetensors'), bytes.subarray(0, 9000));
    const { code, stderr } = await vae(folder, 'compare', 'seminar-vae', 'cut run');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^vae: .*; to compare the others, leave 'cut run' out\n$/),
    ]);
  });

  it('refuses runs of images of other shapes, and runs that are not there', async () => {
    const other = await vae(folder, 'compare', 'seminar-ae', 'cifar');
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringMatching(
        /its images are 3 × 32 × 32, those of seminar-ae 1 × .*; compare runs on images of one shape\n$/,
      ),
    ]);
    const missing = await vae(folder, 'compare', 'nowhere');
    expect([missing.code, missing.stderr]).toEqual([1, 'vae: nowhere: no such run; vae train makes one\n']);
  });
});

describe('a run of so many steps', () => {
  const args = [...onDigits, '--hidden', '8', '--latent', '2'];
  const last = (name: string) => readFileSync(inFolder(name, 'checkpoints', 'last.safetensors'));

  it('ends inside an epoch, and goes on from there as if it had never ended', async () => {
    await vae(folder, 'train', ...args, '--steps', '7', '--out', 'whole');
    const { stderr } = await vae(folder, 'train', ...args, '--steps', '4', '--out', 'parts');
    // It may look better than the best, which is the best of whole epochs.
    expect(stderr).toMatch(/best epoch 1: validation bound .*; epoch 2 was cut short, so it does not count; /);
    const record = readFileSync(inFolder('parts', 'metrics.jsonl'), 'utf8').trim().split('\n').at(-1)!;
    expect(JSON.parse(record)).toMatchObject({ step: 4, epoch: 2 });
    await vae(folder, 'train', '--resume', 'parts', '--steps', '7');
    const withoutConfig = (name: string) =>
      last(name)
        .toString('latin1')
        .replaceAll(/\\"steps\\":\d/g, '');
    expect(withoutConfig('parts')).toBe(withoutConfig('whole'));
    const curves = (name: string) => readFileSync(inFolder(name, 'curves.jsonl'), 'utf8');
    expect(curves('parts')).toBe(curves('whole'));
    for (const file of ['reconstruction-history.png', 'history/epoch-0002.png', 'charts/loss.png']) {
      expect(readFileSync(inFolder('parts', file)).equals(readFileSync(inFolder('whole', file))), file).toBe(true);
    }
  });

  it('says that there is nothing more to do', async () => {
    const { code, stderr } = await vae(folder, 'train', '--resume', 'whole');
    expect([code, stderr]).toEqual([0, expect.stringContaining('ended after 7 updates; give a larger --steps')]);
  });
});

describe('patience', () => {
  it('ends a run that no longer gets better', async () => {
    const args = [...onDigits, '--hidden', '8', '--latent', '2', '--learning-rate', '1e-9', '--binarize', 'static'];
    const { stderr } = await vae(folder, 'train', ...args, '--epochs', '50', '--patience', '2', '--out', 'patient');
    const { epoch } = JSON.parse(readFileSync(inFolder('patient', 'metrics.jsonl'), 'utf8').trim().split('\n').at(-1)!);
    expect(epoch).toBeLessThan(50);
    expect(stderr).toContain('best epoch');
  });
});
