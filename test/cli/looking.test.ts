/** The commands that show what a model has learnt. */

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded, findText, pixel } from '../report/reading.ts';
import { makeModels, TEST_IMAGES } from './models.ts';
import { temporaryFolder, vae } from './vae.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
const picture = (name: string) => decoded(readFileSync(inFolder(name)));
/** Images are drawn 56 wide and 2 apart. */
const CELL = 58;

beforeAll(async () => {
  await makeModels(folder);
  // Ended inside its first epoch.
  await vae(
    folder,
    'train',
    ...'--data-dir data --hidden 4 --latent 2 --batch-size 20 --steps 3 --out once'.split(' '),
  );
});

const use = (command: string, model: string, ...args: string[]) => vae(folder, command, '--run', model, ...args);

/** Runs a command that must do well, and returns what it printed. */
async function done(command: string, model: string, ...args: string[]) {
  const finished = await use(command, model, ...args);
  expect([finished.code, finished.stderr]).toEqual([0, expect.not.stringContaining('vae: ')]);
  return finished;
}

describe('vae interpolate', () => {
  it('draws a way for each pair of draws, the same for the same seed', async () => {
    const { stdout } = await done('interpolate', 'model', '--steps', '7', '--pairs', '3', '--seed', '5');
    expect(stdout).toMatch(/^interpolation\.png: 3 pairs of samples, seed 5; 7 steps, linear; \S+\n$/);
    const { width, height } = picture('interpolation.png');
    expect([width, height]).toEqual([7 * CELL + 2, expect.any(Number)]);
    expect(findText(picture('interpolation.png'), '0.17')).toBeDefined();
    expect(height).toBeGreaterThan(3 * CELL);
    await done('interpolate', 'model', '--steps', '7', '--pairs', '3', '--seed', '5', '--out', 'again.png');
    expect(readFileSync(inFolder('again.png')).equals(readFileSync(inFolder('interpolation.png')))).toBe(true);
  });

  it('has the given pictures at its ends, and what the model makes of them beside them', async () => {
    const ends = ['--from', 'mine/a.png', '--to', 'mine/b.png'];
    await done('interpolate', 'model', ...ends, '--steps', '4', '--out', 'way.png', '--animate', 'way-moving.png');
    const way = picture('way.png');
    expect(way.width).toBe(6 * CELL + 2);
    for (const name of ['from', '0.33', '0.67', 'to']) expect(findText(way, name), name).toBeDefined();
    // a.png has its bar in column 5 of 8, b.png in column 2; a column is 7 wide.
    const row = way.height - 30;
    const level = (image: number, column: number) => pixel(way, 2 + image * CELL + column * 7 + 3, row)[0];
    expect([level(0, 5), level(0, 2), level(5, 5), level(5, 2)]).toEqual([255, 0, 0, 255]);
    expect(readFileSync(inFolder('way-moving.png')).includes('acTL')).toBe(true);

    // Its first frame is the same picture, larger.
    const moving = picture('way-moving.png');
    expect(moving.width).toBe(112 + 4);
    for (const [column, line] of [
      [1, 1],
      [5, 5],
      [6, 2],
    ]) {
      const top = way.height - CELL;
      expect(pixel(moving, 2 + column * 14 + 3, 2 + line * 14 + 3)).toEqual(
        pixel(way, 2 + CELL + column * 7 + 3, top + line * 7 + 3),
      );
    }
  });

  it('on a sphere goes another way between the same ends', async () => {
    const args = ['--pairs', '1', '--steps', '3', '--seed', '2'];
    await done('interpolate', 'model', ...args, '--out', 'straight.png');
    await done('interpolate', 'model', ...args, '--method', 'spherical', '--out', 'round.png');
    const cells = ['straight.png', 'round.png'].map((name) => {
      const { width, height, rgba } = picture(name);
      const cell = (i: number) =>
        Array.from({ length: 56 * 56 }, (_, p) => {
          const [x, y] = [2 + i * CELL + (p % 56), height - CELL + Math.floor(p / 56)];
          return rgba[4 * (y * width + x)];
        });
      return [0, 1, 2].map(cell);
    });
    expect(cells[0][0]).toEqual(cells[1][0]);
    expect(cells[0][2]).toEqual(cells[1][2]);
    expect(cells[0][1]).not.toEqual(cells[1][1]);
  });
});

describe('vae traverse', () => {
  it('draws the latents with the largest average KL first, with their numbers', async () => {
    const { stdout } = await done('traverse', 'model');
    const order = /latents ([\d, ]+) from −3 to 3/.exec(stdout)![1].split(', ');
    expect([...order].sort()).toEqual(['0', '1', '2', '3', '4']);
    const drawn = picture('traverse.png');
    const rows = order.map((latent) => findText(drawn, `z${latent} KL`)!);
    rows.slice(1).forEach(({ y }, i) => {
      expect(y - rows[i].y).toBe(CELL);
    });
    const kls = await latentKls('model');
    expect(order.map(Number)).toEqual(kls.map((_, i) => i).sort((a, b) => kls[b] - kls[a]));
    expect(findText(drawn, `z${order[0]} KL ${kls[Number(order[0])].toFixed(2)}`)).toBeDefined();
  });

  it('draws those that are named, around a picture’s mean', async () => {
    const args = ['--latents', '3,0', '--input', 'mine/a.png', '--range', '1', '--steps', '3', '--out', 'rows.png'];
    const { stdout } = await done('traverse', 'model', ...args);
    expect(stdout).toContain('latents 3, 0 from −1 to 1');
    const drawn = picture('rows.png');
    for (const text of ['z3', 'z0', '-1', '0', '1', 'mean of a.png']) expect(findText(drawn, text), text).toBeDefined();
  });

  it('draws all of them', async () => {
    const { stdout } = await done('traverse', 'model', '--latents', 'all', '--out', 'all.png');
    expect(stdout).toContain('latents 0, 1, 2, 3, 4 from');
  });
});

describe('vae manifold', () => {
  it('draws the plane of a model with two latents', async () => {
    const { stdout } = await done('manifold', 'plane', '--steps', '5');
    expect(stdout).toMatch(/^manifold\.png: 5 × 5 pictures of latents 0 and 1, −2 to 2; /);
    const drawn = picture('manifold.png');
    for (const text of ['-2.0', '-1.0', '0.0', '2.0', 'Latent 0 from'])
      expect(findText(drawn, text), text).toBeDefined();
  });

  it('agrees with traverse where they meet', async () => {
    await done('manifold', 'plane', '--steps', '5', '--range', '1', '--out', 'm.png');
    await done('traverse', 'plane', '--latents', '0,1', '--steps', '5', '--range', '1', '--out', 't.png');
    const [m, t] = [picture('m.png'), picture('t.png')];
    // From the right bottom corner, because names have different room at the left and the top.
    const cell = (image: typeof m, fromRight: number, fromBottom: number) =>
      Array.from({ length: 56 * 56 }, (_, p) => {
        const [x, y] = [p % 56, Math.floor(p / 56)];
        return pixel(image, image.width - (fromRight + 1) * CELL + x, image.height - (fromBottom + 1) * CELL + y)[0];
      }).join();
    // Latent 0 at 1: right in the middle row of the plane; right in the first of two rows.
    expect(cell(m, 0, 2)).toBe(cell(t, 0, 1));
    // Latent 1 at 1: on top of the plane's middle column; right in the second row.
    expect(cell(m, 2, 4)).toBe(cell(t, 0, 0));
    expect(cell(m, 2, 4)).not.toBe(cell(m, 0, 2));
  });

  it('draws the two of more latents that tell most, and says which', async () => {
    const { stdout, stderr } = await done('manifold', 'model', '--steps', '3', '--out', 'most.png');
    const kls = await latentKls('model');
    const [a, b] = kls
      .map((_, i) => i)
      .sort((i, j) => kls[j] - kls[i])
      .slice(0, 2)
      .sort();
    expect(stdout).toContain(`latents ${a} and ${b}, −2 to 2`);
    const shown = [a, b].map((i) => `${i} (KL ${kls[i].toFixed(2)})`).join(' and ');
    expect(stderr).toBe(`of 5 latents, ${shown} tell most about the test images; --latents shows others\n`);
  });

  it('draws two latents of more, and the prior’s quantiles', async () => {
    const args = ['--latents', '4,1', '--quantiles', '--steps', '4', '--out', 'q.png'];
    expect((await done('manifold', 'model', ...args)).stdout).toContain('latents 4 and 1, the quantiles of the prior');
    const drawn = picture('q.png');
    for (const text of ['-1.2', '-0.3', '0.3', '1.2']) expect(findText(drawn, text), text).toBeDefined();
    expect(findText(drawn, 'others')).toBeDefined();
  });
});

describe('vae animate', () => {
  it('names one frame as one', async () => {
    const { stdout } = await done('animate', 'once', '--out', 'once.png');
    expect(stdout).toBe('once.png: 1 frame, epoch 1, 200 ms each; once\n');
  });

  it('has a frame an epoch, captioned', async () => {
    const { stdout } = await done('animate', 'plane');
    expect(stdout).toBe('animation.png: 4 frames, epoch 1 to 4, 200 ms each; plane\n');
    expect(findText(picture('animation.png'), 'epoch 1')).toBeDefined();
    const first = picture(path.join('plane', 'samples', 'epoch-0001.png'));
    expect(pixel(picture('animation.png'), 40, 40)).toEqual(pixel(first, 40, 40));
  });

  it('has every n-th, and the last', async () => {
    const { stdout } = await done('animate', 'plane', '--every', '3', '--delay', '50', '--out', 'fast.png');
    expect(stdout).toBe('fast.png: 2 frames, epoch 3 to 4, 50 ms each; plane\n');
    expect(readFileSync(inFolder('fast.png')).toString('latin1').split('fcTL')).toHaveLength(3);
  });
});

/** The rows of a CSV, by column. */
const rowsOf = (csv: string): Record<string, string>[] => {
  const [header, ...lines] = csv.trim().split('\n');
  const names = header.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i], value])));
};

/** The average KL of each latent over the test images, from what encode prints. */
async function latentKls(model: string): Promise<number[]> {
  const rows = rowsOf((await done('encode', model, '--out', '-', '--stddev')).stdout);
  return Array.from({ length: 5 }, (_, l) => {
    const kls = rows.map((row) => {
      const [mean, stddev] = [Number(row[`mean${l}`]), Number(row[`stddev${l}`])];
      return (mean ** 2 + stddev ** 2 - Math.log(stddev ** 2) - 1) / 2;
    });
    return kls.reduce((sum, value) => sum + value, 0) / kls.length;
  });
}

describe('vae encode', () => {
  it('writes a row an image with its label', async () => {
    const { stdout } = await done('encode', 'model', '--out', 'latents.csv');
    expect(stdout).toMatch(/^latents\.csv: 40 images, 5 latents; \S+\n$/);
    const rows = rowsOf(readFileSync(inFolder('latents.csv')).toString());
    expect(Object.keys(rows[0])).toEqual(['index', 'label', 'mean0', 'mean1', 'mean2', 'mean3', 'mean4']);
    expect(rows.map(({ index, label }) => [index, label])).toEqual(rows.map((_, i) => [`${i}`, `${i % 4}`]));
    expect(rows).toHaveLength(TEST_IMAGES);
  });

  it('has the KL that evaluate measures', async () => {
    const measured = JSON.parse((await done('evaluate', 'model', '--json')).stdout);
    const sum = (await latentKls('model')).reduce((total, value) => total + value, 0);
    expect(sum).toBeCloseTo(measured.kl, 4);
  });

  it('writes the same numbers for NumPy, and the labels beside them', async () => {
    const { stdout } = await done('encode', 'model', '--out', 'latents.npy', '--stddev', '--limit', '30');
    expect(stdout).toMatch(/^latents\.npy, latents-labels\.npy, latents-stddev\.npy: 30 images, 5 latents; /);
    await done('encode', 'model', '--out', 'latents.csv', '--stddev', '--limit', '30');
    const rows = rowsOf(readFileSync(inFolder('latents.csv')).toString());
    const floats = (name: string): number[] => {
      const file = readFileSync(inFolder(name));
      return Array.from({ length: 150 }, (_, i) => file.readFloatLE(file.length - 600 + 4 * i));
    };
    const columns = (name: string) =>
      rows.flatMap((row) => [0, 1, 2, 3, 4].map((l) => Math.fround(+row[`${name}${l}`])));
    expect(floats('latents.npy')).toEqual(columns('mean'));
    expect(floats('latents-stddev.npy')).toEqual(columns('stddev'));
    expect([...readFileSync(inFolder('latents-labels.npy')).subarray(-30)]).toEqual(rows.map(({ label }) => +label));
  });

  it('encodes the training and validation images', async () => {
    for (const [split, count] of [
      ['train', 180],
      ['validation', 20],
    ] as const) {
      expect(rowsOf((await done('encode', 'plane', '--out', '-', '--split', split)).stdout)).toHaveLength(count);
    }
  });

  it('encodes the pictures of a folder, in the order of their names', async () => {
    const { stdout } = await done('encode', 'model', '--out', '-', '--input', 'mine', 'mine/b.png');
    const rows = rowsOf(stdout);
    expect(rows.map(({ file }) => file)).toEqual(['mine/a.png', 'mine/b.png', 'mine/b.png']);
    expect({ ...rows[2], index: '1' }).toEqual(rows[1]);
    expect(rows[0].mean0).not.toBe(rows[1].mean0);
  });

  it('finds the pictures of a folder as training does: in its subfolders, in any format', async () => {
    for (const name of ['classes/twos/b.png', 'classes/ones/a.JPG', 'classes/.hidden.png', 'classes/notes.txt']) {
      mkdirSync(inFolder(path.dirname(name)), { recursive: true });
      copyFileSync(inFolder('mine/a.png'), inFolder(name));
    }
    const { stdout } = await done('encode', 'model', '--out', '-', '--input', 'classes');
    expect(rowsOf(stdout).map(({ file }) => file)).toEqual(['classes/ones/a.JPG', 'classes/twos/b.png']);
  });

  it('leaves out what cannot be read in a folder, and stops at what was named', async () => {
    mkdirSync(inFolder('spoilt'), { recursive: true });
    copyFileSync(inFolder('mine/a.png'), inFolder('spoilt/a.png'));
    writeFileSync(inFolder('spoilt/b.png'), 'no picture');
    const { stdout, stderr } = await done('encode', 'model', '--out', '-', '--input', 'spoilt');
    expect(rowsOf(stdout).map(({ file }) => file)).toEqual(['spoilt/a.png']);
    expect(stderr).toMatch(/^skipped spoilt\/b\.png: /m);
    const named = await vae(
      folder,
      'encode',
      '--run',
      'model',
      '--out',
      '-',
      '--input',
      'spoilt/a.png',
      'spoilt/b.png',
    );
    expect([named.code, named.stdout]).toEqual([1, '']);
  });

  it('draws the latents by label: a plane as it is, more by their principal components', async () => {
    await done('encode', 'plane', '--out', 'plane.csv', '--scatter', 'plane.png');
    const plane = picture('plane.png');
    for (const text of ['Latent means of 40 test images', 'latent 0', 'latent 1'])
      expect(findText(plane, text), text).toBeDefined();
    await done('encode', 'model', '--out', '-', '--scatter', 'model.png');
    expect(findText(picture('model.png'), 'by PCA:')).toBeDefined();
    await done('encode', 'model', '--out', '-', '--limit', '1', '--scatter', 'one.png');
    expect(findText(picture('one.png'), 'Latent means of 1 test')).toBeDefined();
  });
});

describe('--json', () => {
  it('prints the result of every command that draws or writes', async () => {
    const checkpoint = 'plane/checkpoints/last.safetensors';
    const cases: readonly (readonly [command: string, args: string, result: object])[] = [
      ['sample', '-n 3 --out a.png', { out: 'a.png', count: 3, seed: 0, temperature: 1, checkpoint }],
      ['manifold', '--steps 3 --out b.png', { out: 'b.png', steps: 3, latents: [0, 1], quantiles: false, range: 2 }],
      ['traverse', '--latents 1 --out c.png', { out: 'c.png', latents: [1], range: 3, steps: 9, checkpoint }],
      ['interpolate', '--pairs 2 --out d.png', { out: 'd.png', pairs: 2, seed: 0, steps: 10, method: 'linear' }],
      ['encode', '--out e.csv', { out: ['e.csv'], images: TEST_IMAGES, latents: 2, checkpoint }],
      ['animate', '--every 3 --out f.png', { out: 'f.png', epochs: [3, 4], delay: 200, run: 'plane' }],
      ['export', '--out g', { out: ['g/encoder.onnx', 'g/decoder.onnx'], format: 'onnx', latents: 2, checkpoint }],
    ];
    for (const [command, args, result] of cases) {
      const { stdout } = await done(command, 'plane', ...args.split(' '), '--json');
      expect(JSON.parse(stdout), command).toMatchObject(result);
      expect(stdout.trimEnd().split('\n'), command).toHaveLength(1);
    }
  });
});

describe('a run that ended inside its first epoch', () => {
  it('is told by its updates', async () => {
    expect((await done('info', 'once')).stdout).toMatch(/^\S+: 3 updates of the first epoch\n/);
    expect((await done('evaluate', 'once')).stderr).toMatch(/^\S+: 3 updates of the first epoch; 40 test images; /);
  });
});
