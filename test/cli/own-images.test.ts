/** A folder of a user's own images, from training to codes, while the folder moves and changes. */

import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePng } from '../../src/data/pictures/png.ts';
import { temporaryFolder, vaeWith } from './vae.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);
const vae = (...args: string[]) => vaeWith({ VAE_DATA_DIR: path.join(folder, 'cache') }, folder, ...args);

const SMALL = '--image-size 8 --model dense --hidden 4 --latent 2 --threads 1'.split(' ');
const put = (name: string, value: number) => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, encodePng(8, 8, 1, new Uint8Array(64).fill(value)));
};
const json = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));

beforeAll(async () => {
  for (let i = 0; i < 20; i++) put(`pics/${i % 2 === 0 ? 'été' : 'bees, wild'}/${i}.png`, 10 * i);
  const trained = await vae('train', '--dataset', 'pics', ...SMALL, '--epochs', '1', '--out', 'run');
  expect(trained.stderr).toContain(
    'for 18 images of 8 × 8 in grey: --activation silu --initializer he --initial-bias data-alone --likelihood discretised-logistic --kl-warm-up 1 --learning-rate 0.002 --schedule cosine --ema 0.999 --batch-size 4 (vae config explains)\n',
  );
  expect(trained.code, trained.stderr).toBe(0);
});

const codes = async (...args: string[]) => {
  const { code, stdout, stderr } = await vae('encode', '--run', 'run', '--threads', '1', '--out', '-', ...args);
  return { code, lines: stdout.trim().split('\n'), stderr };
};

describe('a run on a folder', () => {
  it('keeps which file is in which part, and the batch that it took', () => {
    const { train, test, classes } = json('run/split.json');
    expect([train.length, test.length, classes]).toEqual([18, 2, ['bees, wild', 'été']]);
    expect(json('run/config.json').batchSize).toBe(4);
  });

  it('names class and file of every code', async () => {
    const { lines } = await codes('--split', 'train');
    expect(lines[0]).toBe('index,label,class,file,mean0,mean1');
    expect(lines).toHaveLength(19);
    for (const line of lines.slice(1))
      expect(line).toMatch(/^\d+,(0,"bees, wild","bees, wild\/|1,été,été\/)\d+\.png"?,/);
    const { stdout } = await vae('info', '--run', 'run');
    expect(stdout).toContain('\nclasses: 0 bees, wild, 1 été\n');
  });

  it('is measured on the same images when others have come', async () => {
    const before = await codes();
    for (let i = 0; i < 10; i++) put(`pics/été/new${i}.png`, 5 * i);
    const after = await codes();
    expect(after.lines).toEqual(before.lines);
    expect(after.stderr).toContain('left out, because they are not among the images of the run: 10 (été/new0.png, ');
    const kept = await vae('evaluate', '--checkpoint', 'run/checkpoints/best.safetensors', '--threads', '1');
    expect(kept.stderr).toContain('; 2 test images;');
    for (let i = 0; i < 10; i++) rmSync(path.join(folder, `pics/été/new${i}.png`));
  });

  it('is not measured on what has changed, unless that is asked for', async () => {
    const [{ name }] = json('run/split.json').train;
    cpSync(path.join(folder, 'pics'), path.join(folder, 'less'), { recursive: true });
    rmSync(path.join(folder, 'less', name));
    cpSync(path.join(folder, 'pics', name), path.join(folder, 'away.png'));
    rmSync(path.join(folder, 'pics', name));
    const { code, stderr } = await vae('evaluate', '--run', 'run', '--threads', '1');
    expect([code, stderr]).toEqual([
      1,
      `vae: ${folder}/pics: its images are not those of the run (gone: ${name}); put them back; or use --data-dir <folder>\n`,
    ]);
    const asked = await vae('evaluate', '--run', 'run', '--threads', '1', '--data-dir', 'less');
    expect(asked.code, asked.stderr).toBe(0);
    expect(asked.stderr).toContain('these are other images than those that the model was trained on');
    cpSync(path.join(folder, 'away.png'), path.join(folder, 'pics', name));
  });

  it('is not taken for that of a checkpoint beside it', async () => {
    for (let i = 0; i < 20; i++) put(`strange/${i}.png`, 7 * i + 1);
    const trained = await vae('train', '--dataset', 'strange', ...SMALL, '--epochs', '1', '--out', 'strange-run');
    expect(trained.code, trained.stderr).toBe(0);
    cpSync(
      path.join(folder, 'strange-run/checkpoints/best.safetensors'),
      path.join(folder, 'run/checkpoints/s.safetensors'),
    );
    cpSync(path.join(folder, 'strange-run/checkpoints/best.safetensors'), path.join(folder, 'free.safetensors'));
    const inRun = ['evaluate', '--checkpoint', 'run/checkpoints/s.safetensors', '--threads', '1'];
    const unknown = "not known here: the run's split.json is not beside the checkpoint";
    const refused = await vae(...inRun);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('its images are not those of the run')]);
    const other = await vae(...inRun, '--data-dir', 'pics');
    expect([other.code, other.stderr]).toEqual([0, expect.stringContaining(unknown)]);
    const free = await vae('evaluate', '--checkpoint', 'free.safetensors', '--threads', '1', '--data-dir', 'pics');
    expect([free.code, free.stderr]).toEqual([0, expect.stringContaining(unknown)]);
    rmSync(path.join(folder, 'run/checkpoints/s.safetensors'));
  });

  it('that has moved goes on there, and remembers it', async () => {
    const before = await codes();
    renameSync(path.join(folder, 'pics'), path.join(folder, 'moved'));
    for (const args of [
      ['evaluate', '--run', 'run'],
      ['train', '--resume', 'run', '--epochs', '2'],
    ]) {
      const { code, stderr } = await vae(...args);
      expect([code, stderr]).toEqual([
        1,
        `vae: --dataset ${folder}/pics: no such folder (it may have moved); use --data-dir <folder>\n`,
      ]);
    }
    expect((await codes('--data-dir', 'moved')).lines).toEqual(before.lines);
    const resumed = await vae('train', '--resume', 'run', '--epochs', '2', '--data-dir', 'moved');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect([json('run/config.json').dataset, json('run/config.json').dataDir]).toEqual([
      path.join(folder, 'moved'),
      undefined,
    ]);
    expect((await vae('evaluate', '--run', 'run', '--threads', '1')).code).toBe(0);
  });

  it('is not continued on other images', async () => {
    for (let i = 0; i < 20; i++) put(`others/${i % 2 === 0 ? 'été' : 'bees, wild'}/${i}.png`, 7 * i + 1);
    const { code, stderr } = await vae('train', '--resume', 'run', '--epochs', '3', '--data-dir', 'others');
    expect([code, stderr]).toEqual([1, expect.stringContaining('its images are not those of the run (changed: ')]);
  });
});

describe('a batch', () => {
  it('that was asked for is not made smaller', async () => {
    const batch = ['--batch-size', '100', '--epochs', '1', '--out', 'refused'];
    const { code, stderr } = await vae('train', '--dataset', 'moved', ...SMALL, ...batch);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('--batch-size 100: larger than the 18 training images'),
    ]);
  });
});
