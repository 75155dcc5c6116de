import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePng } from '../../src/data/pictures/png.ts';
import { writeDigits } from '../data/digits.ts';
import { start, temporaryFolder, until, vae } from './vae.ts';

const { folder, remove } = temporaryFolder();
const data = path.join(folder, 'data');
beforeAll(() => writeDigits(data, 600, 60));
afterAll(remove);

const settings = [
  '--data-dir',
  data,
  '--hidden',
  '24',
  '--latent',
  '3',
  '--dropout',
  '0.1',
  '--batch-size',
  '16',
  '--seed',
  '5',
];
const train = (name: string, ...more: string[]) => vae(folder, 'train', ...settings, '--out', name, ...more);

const file = (...parts: string[]): Buffer => readFileSync(path.join(folder, ...parts));
const last = (name: string): Buffer => file(name, 'checkpoints', 'last.safetensors');

/** The records of a run without their times. */
const metrics = (name: string): unknown[] =>
  file(name, 'metrics.jsonl')
    .toString()
    .trim()
    .split('\n')
    .map((line) => ({ ...JSON.parse(line), seconds: undefined }));

describe('vae train', () => {
  it('leaves what the README says, and prints a row an epoch below one head', async () => {
    const { code, stdout, stderr } = await train('whole', '--epochs', '3', '--keep-every', '2', '--validation', '100');
    expect([code, stderr]).toEqual([0, expect.stringContaining('500 training and 60 test images')]);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(
      /^bound, nats per image, higher is better; .*; \* the best so far by the validation images$/,
    );
    expect(lines[1]).toMatch(/^epoch +train +validation +test +log p\(x\|z\) +KL +time$/);
    expect(lines[4]).toMatch(/^ {2}3\/3 +−\d+\.\d\d +−\d+\.\d\d +−\d+\.\d\d +−\d+\.\d\d +\d+\.\d\d +\S+ s \*$/);
    expect(readdirSync(path.join(folder, 'whole')).sort()).toEqual([
      'charts',
      'checkpoints',
      'config.json',
      'curves.jsonl',
      'environment.json',
      'history',
      'metrics.jsonl',
      'reconstruction-history.png',
      'reconstructions',
      'samples',
    ]);
    expect(readdirSync(path.join(folder, 'whole', 'checkpoints')).sort()).toEqual([
      'best.safetensors',
      'epoch-0002.safetensors',
      'last.safetensors',
    ]);
    for (const kind of ['samples', 'reconstructions']) {
      expect(readdirSync(path.join(folder, 'whole', kind))).toEqual([
        'epoch-0001.png',
        'epoch-0002.png',
        'epoch-0003.png',
      ]);
    }
    expect(decodePng(file('whole', 'samples', 'epoch-0003.png'), 'samples').width).toBe(7 * (7 * 8 + 2) + 2);
    expect(JSON.parse(file('whole', 'config.json').toString())).toMatchObject({
      hidden: [24],
      latent: 3,
      seed: 5,
      beta: 1,
    });
  });

  it('gives the same metrics and the same bytes for the same seed', async () => {
    for (const name of ['first', 'second']) expect((await train(name, '--epochs', '2')).code).toBe(0);
    expect(metrics('first')).toEqual(metrics('second'));
    expect(last('first').equals(last('second'))).toBe(true);
    await train('third', '--epochs', '2', '--seed', '6');
    expect(metrics('third')).not.toEqual(metrics('first'));
  });

  it('numbers its runs, and writes into none that exists', async () => {
    const place = path.join(folder, 'numbered');
    mkdirSync(place);
    for (const _ of [1, 2]) await vae(place, 'train', ...settings, '--epochs', '1');
    expect(readdirSync(path.join(place, 'runs')).sort()).toEqual(['mnist-dense-1', 'mnist-dense-2']);
    const { code, stderr } = await vae(place, 'train', ...settings, '--epochs', '1', '--out', 'runs/mnist-dense-1');
    expect([code, stderr.trim()]).toEqual([1, expect.stringContaining('runs/mnist-dense-1: it exists already')]);
  });
});

describe('a run in a folder with spaces', () => {
  it('prints the next command as a shell reads it, and that of --resume too', async () => {
    const { code, stderr } = await train("it's mine", '--epochs', '1');
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/\nnext: vae sample --run 'it'\\''s mine' -n 49 --out grid\.png\n$/),
    ]);
    const again = await train("it's mine", '--epochs', '1');
    expect(again.stderr).toContain("or use --resume 'it'\\''s mine'");
  });
});

describe('a run whose output nobody reads', () => {
  it('trains to its end', async () => {
    const running = start(folder, 'train', ...settings, '--epochs', '12', '--out', 'unread');
    running.process.stdout?.destroy();
    running.process.stderr?.destroy();
    const code = await new Promise((resolve) => running.process.on('exit', resolve));
    expect(code).toBe(0);
    expect(metrics('unread')).toHaveLength(12);
  });
});

describe('a mistake that nobody reads', () => {
  it('still has its exit code', async () => {
    mkdirSync(path.join(folder, 'taken', 'by'), { recursive: true });
    const running = start(folder, 'train', ...settings, '--out', 'taken');
    running.process.stderr?.destroy();
    expect(await new Promise((resolve) => running.process.on('exit', resolve))).toBe(1);
  });
});

describe('a run that is killed', () => {
  const epochs = ['--epochs', '30'];
  let whole: Buffer;
  beforeAll(async () => {
    await train('uninterrupted', ...epochs);
    whole = last('uninterrupted');
  });

  it('in the middle of an epoch continues to the same bytes', async () => {
    const running = start(folder, 'train', ...settings, ...epochs, '--out', 'killed');
    await until(() => existsSync(path.join(folder, 'killed', 'checkpoints', 'last.safetensors')));
    running.process.kill('SIGKILL');
    await running.finished;
    expect(metrics('killed').length).toBeLessThan(30);
    const { code, stderr } = await vae(folder, 'train', '--resume', 'killed');
    expect([code, stderr]).toEqual([0, expect.stringContaining('resumed after')]);
    expect(last('killed').equals(whole)).toBe(true);
    const best = (name: string) => file(name, 'checkpoints', 'best.safetensors');
    expect(best('killed').equals(best('uninterrupted'))).toBe(true);
    expect(metrics('killed')).toEqual(metrics('uninterrupted'));
  });

  // Ctrl-C, the end of a service, and a terminal that is closed: that one may send several signals.
  for (const signals of [['SIGINT'], ['SIGTERM', 'SIGHUP'], ['SIGHUP', 'SIGHUP', 'SIGTERM']] as const) {
    it(`by ${signals.join(' and ')} saves the step, says how to go on, and continues to the same bytes`, async () => {
      const name = `stopped-${signals.length}`;
      const running = start(folder, 'train', ...settings, ...epochs, '--out', name);
      await until(() => existsSync(path.join(folder, name, 'checkpoints', 'last.safetensors')));
      for (const signal of signals) running.process.kill(signal);
      const { code, stderr } = await running.finished;
      expect([code, stderr]).toEqual([130, expect.stringContaining(`continue with: vae train --resume ${name}\n`)]);
      expect((await vae(folder, 'train', '--resume', name)).code).toBe(0);
      expect(last(name).equals(whole)).toBe(true);
      expect(metrics(name)).toEqual(metrics('uninterrupted'));
      expect(file(name, 'curves.jsonl').equals(file('uninterrupted', 'curves.jsonl'))).toBe(true);
    });
  }

  it('keeps its epoch when a picture cannot be drawn, and draws it when it is resumed', async () => {
    await train('pictures', '--epochs', '1');
    rmSync(path.join(folder, 'pictures', 'samples'), { recursive: true });
    const resumed = await vae(folder, 'train', '--resume', 'pictures', '--epochs', '2');
    expect(resumed.code).toBe(0);
    expect(readdirSync(path.join(folder, 'pictures', 'samples'))).toEqual(['epoch-0001.png', 'epoch-0002.png']);
  });

  it('after its last checkpoint gets its last pictures when it is resumed', async () => {
    await train('complete', '--epochs', '2');
    await train('cut', '--epochs', '2');
    const drawn = [
      ['samples', 'epoch-0002.png'],
      ['reconstructions', 'epoch-0002.png'],
      ['history', 'epoch-0002.png'],
      ['charts', 'bound.png'],
      ['reconstruction-history.png'],
    ];
    for (const parts of drawn) rmSync(path.join(folder, 'cut', ...parts));
    writeFileSync(path.join(folder, 'cut', 'samples', '.epoch-0002.png.123.tmp'), 'half');
    const { code, stderr } = await vae(folder, 'train', '--resume', 'cut');
    expect([code, stderr]).toEqual([0, 'cut: ended after 2 epochs; give a larger --epochs to continue\n']);
    for (const parts of drawn) expect(file('cut', ...parts).equals(file('complete', ...parts))).toBe(true);
    expect(readdirSync(path.join(folder, 'cut', 'samples'))).toEqual(['epoch-0001.png', 'epoch-0002.png']);
    expect(metrics('cut')).toEqual(metrics('complete'));
  });

  it('inside its last epoch keeps its record and gets its pictures', async () => {
    await train('first', '--steps', '5');
    expect(readdirSync(path.join(folder, 'first'))).toContain('reconstruction-history.png');
    await train('steps', '--steps', '50');
    const before = metrics('steps');
    rmSync(path.join(folder, 'steps', 'samples', 'epoch-0002.png'));
    expect((await vae(folder, 'train', '--resume', 'steps')).code).toBe(0);
    expect(metrics('steps')).toEqual(before);
    expect(readdirSync(path.join(folder, 'steps', 'samples'))).toEqual(['epoch-0001.png', 'epoch-0002.png']);
    expect((await vae(folder, 'train', '--resume', 'steps', '--steps', '76')).code).toBe(0);
    expect(metrics('steps').map((record) => (record as { epoch: number }).epoch)).toEqual([1, 2]);
  });

  it('draws without a picture or a record that is damaged, and says so', async () => {
    await train('damaged', '--epochs', '2');
    writeFileSync(path.join(folder, 'damaged', 'history', 'epoch-0001.png'), 'no picture');
    writeFileSync(
      path.join(folder, 'damaged', 'metrics.jsonl'),
      `null\n${file('damaged', 'metrics.jsonl').toString()}`,
    );
    const text = file('damaged', 'metrics.jsonl').toString().replace('"epoch":1', '"epoch":');
    writeFileSync(path.join(folder, 'damaged', 'metrics.jsonl'), text);
    const { code, stderr } = await vae(folder, 'train', '--resume', 'damaged', '--epochs', '3');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^damaged: lost: the metrics of 1 of 2 epochs; the charts are drawn without them$/m);
    expect(stderr).toMatch(/epoch-0001\.png: .*; it is left out of reconstruction-history\.png$/m);
    expect(stderr).not.toContain('    at ');
  });

  it('with --pictures-every draws every n-th epoch and the last, and trains the same', async () => {
    await train('sparse', '--epochs', '5', '--pictures-every', '2');
    for (const kind of ['samples', 'reconstructions', 'history']) {
      expect(readdirSync(path.join(folder, 'sparse', kind))).toEqual([2, 4, 5].map((n) => `epoch-000${n}.png`));
    }
    expect(metrics('sparse')).toHaveLength(5);
  });

  it('does not go on with other images', async () => {
    writeDigits(path.join(folder, 'other'), 600, 60, (i) => i % 251);
    const { code, stderr } = await vae(folder, 'train', '--resume', 'killed', '--epochs', '40', '--data-dir', 'other');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^vae: [^\n]+the data has changed since: it was 600 \+ 0 \+ 60 images[^\n]+\n$/),
    ]);
    expect(last('killed').equals(whole)).toBe(true);
  });

  it('is trained by one process at a time', async () => {
    writeFileSync(path.join(folder, 'killed', '.lock'), String(process.pid));
    const { code, stderr } = await vae(folder, 'train', '--resume', 'killed', '--epochs', '40');
    expect([code, stderr]).toEqual([
      1,
      `vae: killed: process ${process.pid} is training this run; wait for it or stop it; if process ${process.pid} is not vae, remove killed/.lock\n`,
    ]);
    rmSync(path.join(folder, 'killed', '.lock'));
  });

  it('may go on for longer, but not otherwise', async () => {
    const refused = await vae(folder, 'train', '--resume', 'killed', '--latent', '4');
    expect([refused.code, refused.stderr.trim()]).toEqual([
      2,
      'vae: --latent cannot be changed by --resume; start a new run instead',
    ]);
    // Named again, a setting is no change.
    const done = await vae(folder, 'train', '--resume', 'killed', '--device', 'onnx');
    expect([done.code, done.stderr]).toEqual([
      0,
      expect.stringContaining('ended after 30 epochs; give a larger --epochs'),
    ]);
    const longer = await vae(folder, 'train', '--resume', 'killed', '--epochs', '31');
    expect([longer.code, longer.stdout]).toEqual([0, expect.stringMatching(/^31\/31 +−/m)]);
  });
});

describe('a model on real MNIST', () => {
  it('reaches a test bound of −131 nats in one epoch, and can then be used', async () => {
    const place = path.join(folder, 'real');
    mkdirSync(place);
    // Seeds 1 to 3 reach −126.8 to −127.9.
    const trained = await vae(place, 'train', '--dataset', 'mnist', '--epochs', '1', '--seed', '1');
    expect(trained.code).toBe(0);
    const bound = Number(/^ {2}1\/1 +\S+ +−(\d+\.\d+)/m.exec(trained.stdout)?.[1]);
    expect(bound).toBeLessThan(131);
    expect(bound).toBeGreaterThan(110);

    const sampled = await vae(place, 'sample', '-n', '10', '--out', 'grid.png', '--seed', '3');
    expect([sampled.code, sampled.stderr]).toEqual([0, '']);
    const grid = decodePng(readFileSync(path.join(place, 'grid.png')), 'grid');
    expect([grid.width, grid.height]).toEqual([4 * 58 + 2, 3 * 58 + 2]);

    const evaluated = await vae(place, 'evaluate', '--json');
    const report = JSON.parse(evaluated.stdout);
    expect(report.bound).toBeCloseTo(-bound, 2);
    expect(report.images).toBe(10_000);
    const weighted = JSON.parse((await vae(place, 'evaluate', '--limit', '200', '--samples', '50', '--json')).stdout);
    expect(weighted.importance.logEvidence).toBeGreaterThan(weighted.bound);

    copyFileSync(path.join(place, 'grid.png'), path.join(place, 'img.png'));
    const again = await vae(place, 'reconstruct', '--input', 'img.png', '--json');
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({
      samples: 100,
      notes: expect.arrayContaining([expect.stringContaining('cut to its ink')]),
    });
    expect(existsSync(path.join(place, 'reconstruction.png'))).toBe(true);

    const info = await vae(place, 'info');
    expect(info.stdout).toContain('(0): Linear(in_features=784, out_features=400, bias=True)');
  });
});
