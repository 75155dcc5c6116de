/** Models whose latents are maps, in one layer and in several: every command, and every mistake. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePng, encodePng } from '../../src/data/pictures/png.ts';
import { encodeIdx, SIDE, writeDigits } from '../data/digits.ts';
import { runtimes } from '../engines/runtimes.ts';
import { decoded, pixel } from '../report/reading.ts';
import { expectOneLine } from './one-line.ts';
import { temporaryFolder, vae } from './vae.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);
const inFolder = (...parts: string[]): string => path.join(folder, ...parts);

const TEST_IMAGES = 12;

/** A model of each kind, the layers of its latents, and its settings. */
const MODELS = {
  map: { layers: [12], settings: '--model conv --latent 2x2x3 --channels 4,6' },
  ladder: {
    layers: [8, 8, 32],
    settings: '--model ladder --latent 2x2x2 --layers 3 --channels 4,4 --gated --dropout 0.1 --ema 0.9',
  },
} as const;

const COMMON = 'train --data-dir data --batch-size 20 --threads 1 --epochs';

/** A grey picture, brighter to the right. */
const slope = (width: number, height: number): Buffer =>
  encodePng(
    width,
    height,
    1,
    Uint8Array.from({ length: width * height }, (_, i) => (255 * (i % width)) / width),
  );

beforeAll(async () => {
  writeDigits(inFolder('data'), 60, TEST_IMAGES);
  writeFileSync(inFolder('odd.png'), slope(37, 29));
  writeFileSync(inFolder('digit.png'), slope(SIDE, SIDE));
  for (const [name, { settings }] of Object.entries(MODELS)) {
    const { code, stderr } = await vae(folder, ...`${COMMON} 2 ${settings} --validation 20 --out ${name}`.split(' '));
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/^vae: /m)]);
  }
});

/** Runs a command that must do well, and returns what it says as JSON. */
async function json(command: string) {
  const { code, stdout, stderr } = await vae(folder, ...command.split(' '), '--json');
  expect([code, stderr]).toEqual([0, expect.not.stringMatching(/^vae: /m)]);
  return JSON.parse(stdout);
}

const sizeOf = (file: string): [width: number, height: number] => {
  const { width, height } = decodePng(readFileSync(inFolder(file)), file);
  return [width, height];
};

describe.each(Object.entries(MODELS))('of a %s', (name, { layers }) => {
  const latents = layers.reduce<number>((sum, size) => sum + size, 0);
  const indices = Array.from({ length: latents }, (_, i) => i);

  it('the metrics have a KL for each of several layers, which add up to that of all', () => {
    const lines = readFileSync(inFolder(name, 'metrics.jsonl'), 'utf8').trim().split('\n');
    expect(lines).toHaveLength(2);
    for (const { test, validation } of lines.map((line) => JSON.parse(line))) {
      for (const { kl, layerKl, bound, logLikelihood } of [test, validation]) {
        expect(bound).toBeCloseTo(logLikelihood - kl, 4);
        if (layers.length === 1) expect(layerKl).toBeUndefined();
        else {
          expect(layerKl).toHaveLength(layers.length);
          expect(layerKl.reduce((sum: number, each: number) => sum + each)).toBeCloseTo(kl, 5);
        }
      }
    }
  });

  it('vae info counts the latents', async () => {
    expect(await json(`info --run ${name}`)).toMatchObject({ latents, layers });
    const { stdout } = await vae(folder, 'info', '--run', name);
    const words = layers.length === 1 ? 'a map of 2x2x3' : 'a map of 2x2x2; layers of 8, 8, 32';
    expect(stdout).toContain(`${latents} latents (${words}), `);
  });

  it('vae sample draws, with as many temperatures as there are layers at most', async () => {
    const draw = async (...temperature: string[]) => {
      await json(['sample', '--run', name, '-n', '4', '--out', 'samples.png', ...temperature].join(' '));
      return readFileSync(inFolder('samples.png'));
    };
    const [plain, cold, again] = [await draw(), await draw('--temperature', '0'), await draw('--temperature', '1')];
    expect([plain.equals(cold), plain.equals(again)]).toEqual([false, true]);
    if (layers.length > 1) {
      const [all, some, last] = [
        await draw('--temperature', '2,0.5,0.5'),
        await draw('--temperature', '2,0.5'),
        await draw('--temperature', '2,0.5,0'),
      ];
      expect([all.equals(some), all.equals(last)]).toEqual([true, false]);
    }
  });

  it('vae reconstruct takes a picture of any size, and at its own size in whole cells', async () => {
    expect(await json(`reconstruct --run ${name} --input odd.png`)).toMatchObject({ samples: 100 });
    const found = await json(`reconstruct --run ${name} --own-size --input odd.png --out own.png`);
    expect(found).toMatchObject({ samples: 1, notes: ['cut from 37 × 29 to whole cells, 36 × 28'] });
    expect(found.bound).toBeCloseTo(found.logLikelihood - found.kl, 1);
    // The two pictures side by side, each several times as large; the first of them is the original.
    const picture = decoded(readFileSync(inFolder('own.png')));
    expect(picture.width / picture.height).toBeCloseTo((2 * 36) / 28, 0);
    expect(pixel(picture, 10, 20)[0]).toBeLessThan(30);
    expect(pixel(picture, Math.floor(picture.width / 2) - 10, 20)[0]).toBeGreaterThan(220);
  });

  it('vae reconstruct finds the same at the own size of a picture of the model’s size', async () => {
    const [own, fitted] = [
      await json(`reconstruct --run ${name} --own-size --samples 5 --input digit.png`),
      await json(`reconstruct --run ${name} --samples 5 --input digit.png`),
    ];
    expect(own.notes).toEqual(fitted.notes);
    expect(own.bound).toBeCloseTo(fitted.bound, 3);
  });

  it('vae encode has a column for each latent, in the order of the layers', async () => {
    const { stdout } = await vae(folder, 'encode', '--run', name, '--out', '-', '--stddev');
    const [head, ...lines] = stdout.trim().split('\n');
    const columns = ['mean', 'stddev'].flatMap((group) => indices.map((i) => `${group}${i}`));
    expect(head).toBe(['index', 'label', ...columns].join(','));
    expect(lines).toHaveLength(TEST_IMAGES);
    await json(`encode --run ${name} --out codes.npy --stddev --scatter scatter.png`);
    expect(readFileSync(inFolder('codes.npy'), 'latin1')).toContain(`'shape': (${TEST_IMAGES}, ${latents})`);
  });

  it('vae traverse and vae manifold show the latents that tell most', async () => {
    const traversed = await json(`traverse --run ${name} --steps 3`);
    expect(traversed.latents).toHaveLength(Math.min(20, latents));
    const plane = await json(`manifold --run ${name} --steps 3`);
    expect(new Set(traversed.latents.slice(0, 2))).toEqual(new Set(plane.latents));
    expect((await json(`traverse --run ${name} --steps 3 --latents all`)).latents).toEqual(indices);
  });

  it('vae interpolate and vae animate draw', async () => {
    await json(
      `interpolate --run ${name} --steps 3 --from digit.png --to digit.png --out way.png --animate moving.png`,
    );
    expect(sizeOf('way.png')[0]).toBeGreaterThan(3 * SIDE);
    expect(await json(`animate --run ${name}`)).toMatchObject({ epochs: [1, 2] });
  });

  it('vae evaluate measures what training measured, and says the KL of each layer', async () => {
    const found = await json(`evaluate --run ${name} --samples 3`);
    const [, line] = readFileSync(inFolder(name, 'metrics.jsonl'), 'utf8').trim().split('\n');
    expect(found).toMatchObject(JSON.parse(line).test);
    expect(found.importance.logEvidence).toBeGreaterThan(found.bound - 1);
    expect(found.latents.kl).toHaveLength(latents);
    const { stdout } = await vae(folder, 'evaluate', '--run', name);
    expect(stdout.includes('KL of each layer of latents, in nats, from the top: ')).toBe(layers.length > 1);
  });

  it('vae export writes an encoder and a decoder that onnxruntime runs', async () => {
    for (const format of ['onnx', 'safetensors', 'tfjs']) {
      await json(`export --run ${name} --format ${format} --out export-${name}/${format}`);
    }
    const open = (part: string) =>
      runtimes.onnxruntime.open(
        new Map([['model.onnx', readFileSync(inFolder(`export-${name}`, 'onnx', `${part}.onnx`))]]),
      );
    const bytes = readFileSync(inFolder('data', 't10k-images-idx3-ubyte')).subarray(16);
    const pictures = { values: Float32Array.from(bytes, (byte) => byte / 255), shape: [TEST_IMAGES, 1, SIDE, SIDE] };
    const { mean } = await (await open('encoder'))({ pictures });
    const csv = (await vae(folder, 'encode', '--run', name, '--out', '-')).stdout.trim().split('\n').slice(1);
    const expected = csv.flatMap((line) => line.split(',').slice(2).map(Number));
    expect(mean.shape).toEqual([TEST_IMAGES, latents]);
    expected.forEach((value, i) => {
      expect(mean.values[i]).toBeCloseTo(value, 4);
    });
    const found = await (await open('decoder'))({ latents: mean });
    expect(found.pictures.shape).toEqual([TEST_IMAGES, 1, SIDE, SIDE]);
    expect(Array.from(found.pictures.values).every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

describe('vae compare', () => {
  it('puts a map beside a ladder', async () => {
    const { runs, comparable } = await json('compare map ladder --limit 10');
    expect(comparable).toBe(true);
    expect(runs.map(({ run }: { run: string }) => run)).toEqual(['map', 'ladder']);
  });
});

describe('vae config', () => {
  it('says what follows from a map and from a ladder', async () => {
    const given = '--data-dir data --batch-size 20 --latent 2x2x3 --model';
    const { settings, origins } = await json(`config ${given} conv`);
    expect(settings).toMatchObject({ hidden: [], blocks: 2, latent: '2x2x3' });
    expect(origins.hidden).toEqual({ by: 'setting', field: 'latent', value: '2x2x3' });
    const ladder = await json(`config ${given} ladder`);
    expect(ladder.settings).toMatchObject({ layers: 3, blocks: 1, activation: ['silu'] });
  });
});

describe('a mistake gets one line, its exit code, and nothing is written', () => {
  beforeAll(async () => {
    const { code } = await vae(folder, ...`${COMMON} 1 --hidden 8 --latent 2 --out plain`.split(' '));
    expect(code).toBe(0);
    writeFileSync(inFolder('tiny.png'), slope(3, 3));
    writeFileSync(inFolder('large.png'), slope(2000, 2000));
    writeFileSync(inFolder('huge.png'), encodePng(12_000, 9000, 1, new Uint8Array(12_000 * 9000)));
    mkdirSync(inFolder('odd'));
    for (const prefix of ['train', 't10k']) {
      writeFileSync(inFolder('odd', `${prefix}-images-idx3-ubyte`), encodeIdx([4, 5, 5], new Uint8Array(100)));
      writeFileSync(inFolder('odd', `${prefix}-labels-idx1-ubyte`), encodeIdx([4], new Uint8Array(4)));
    }
    mkdirSync(inFolder('photos'));
    for (let i = 0; i < 12; i++) writeFileSync(inFolder('photos', `${i}.png`), slope(27, 27));
  });

  const train = `${COMMON} 1`;
  const NO_MAP = 'expected an integer from 1 to 65536, or a map such as 8x8x16: height, width and channels';
  const OTHERS = 'use --model dense, --model conv or --model residual';
  const ladder = `${train} --model ladder --latent 2x2x2`;

  const MISTAKES: Readonly<Record<string, readonly [args: string, code: 1 | 2, says: string]>> = {
    'a map of two numbers': [`${train} --latent 8x8`, 2, `--latent 8x8: ${NO_MAP}`],
    'a map without channels': [`${train} --latent 8x8x0`, 2, `--latent 8x8x0: ${NO_MAP}`],
    'a map without rows': [`${train} --latent 0x8x8`, 2, `--latent 0x8x8: ${NO_MAP}`],
    'a map of a dense model': [
      `${train} --latent 2x2x4`,
      2,
      '--latent 2x2x4: the model dense has no map of latents; use --model conv or --model ladder',
    ],
    'a map of a residual model': [
      `${train} --model residual --latent 2x2x4`,
      2,
      'the model residual has no map of latents',
    ],
    'a map that no halvings lead to': [
      `${train} --model conv --latent 3x3x4`,
      2,
      '--latent 3x3x4: an image of 8 × 8 cannot be halved to a map of 3 × 3; use --latent 2x2x16',
    ],
    'a map behind dense layers': [
      `${train} --model conv --latent 2x2x4 --hidden 100`,
      2,
      '--hidden 100: a map of latents has no dense layers; use --hidden none',
    ],
    'too few channels for a map': [
      `${train} --model conv --latent 2x2x4 --channels 64`,
      2,
      '--channels 64: expected 2 numbers, one for each halving that leads to a map of 2x2x4',
    ],
    'a ladder of a number of latents': [
      `${train} --model ladder --latent 20`,
      2,
      '--latent 20: the model ladder has maps of latents, such as 3x3x16',
    ],
    'a ladder that begins where these images do not': [
      `${train} --model ladder`,
      2,
      '--latent 3x3x16 (chosen for the model ladder): an image of 8 × 8 cannot be halved to a map of 3 × 3; use --latent 2x2x16',
    ],
    'a ladder of images that are too small': [
      'train --dataset photos --image-size 3 --model ladder',
      2,
      '--latent 128 (chosen for images of 3 × 3): the model ladder has maps of latents',
    ],
    'a map of odd sides that no halvings lead to': [
      'train --data-dir odd --model conv --latent 3x3x2',
      2,
      '--latent 3x3x2: an image of 5 × 5 cannot be halved to a map of 3 × 3; use --latent 1x1x16',
    ],
    'a ladder of one layer': [`${ladder} --layers 1`, 2, '--layers 1: expected an integer from 2 to 64'],
    'a ladder with too few channels': [`${ladder} --channels 64`, 2, '--channels 64: expected 2 numbers'],
    'a ladder with dense layers': [`${ladder} --hidden 100`, 2, '--hidden has no effect with the model ladder'],
    'a ladder with flows': [
      `${ladder} --posterior planar`,
      2,
      '--posterior planar: the model ladder has a normal posterior of its own; use --posterior normal',
    ],
    'a ladder with the score function': [
      `${ladder} --estimator score-function`,
      2,
      '--estimator score-function: the model ladder has gradients through its draws; use --estimator reparametrised',
    ],
    'a ladder that measures its gradients': [
      `${ladder} --gradient-variance`,
      2,
      `--gradient-variance needs a model with one layer of latents; ${OTHERS}`,
    ],
    'a ladder without a prior': [
      `${ladder} --objective autoencoder`,
      2,
      `--objective autoencoder: the model ladder needs a prior; ${OTHERS}`,
    ],
    'layers of a map': [
      `${train} --model conv --latent 2x2x2 --layers 3`,
      2,
      '--layers has no effect with the model conv; use --model ladder',
    ],
    'temperatures of one layer': [
      'sample --run map --temperature 1,2,3',
      2,
      '--temperature 1,2,3: the model has 1 layer of latents; give no more temperatures',
    ],
    'more temperatures than layers': [
      'sample --run ladder --temperature 1,1,1,1',
      2,
      '--temperature 1,1,1,1: the model has 3 layers of latents; give no more temperatures',
    ],
    'the own size of a dense model': [
      'reconstruct --run plain --own-size --input odd.png',
      2,
      '--own-size needs a model with a map of latents; vae train --latent 8x8x16 makes one',
    ],
    'a picture smaller than a cell': [
      'reconstruct --run map --own-size --input tiny.png',
      1,
      'tiny.png: 3 × 3 is smaller than a cell of the map of latents, 4 × 4',
    ],
    'a picture too large to read': [
      'reconstruct --run map --own-size --input huge.png',
      1,
      'huge.png: 12000 × 9000 pixels are too many (at most 100 million); scale it down first',
    ],
    'a picture too large for the memory': [
      'reconstruct --run ladder --own-size --samples 10000 --input large.png',
      1,
      'use a smaller batch, fewer samples, smaller images or a smaller network',
    ],
    'a latent beyond the last layer': [
      'traverse --run ladder --latents 48',
      2,
      '--latents 48: there is no latent 48; the model has latents 0 to 47',
    ],
  };

  for (const [name, [args, code, says]] of Object.entries(MISTAKES)) {
    it(name, () => expectOneLine(folder, args.split(' '), [code, says]));
  }
});

describe('a plain autoencoder with a map of latents', () => {
  it('encodes to the map and reconstructs a picture at its own size', async () => {
    const settings = `${MODELS.map.settings} --objective autoencoder --likelihood squared-error`;
    expect((await vae(folder, ...`${COMMON} 1 ${settings} --out points`.split(' '))).code).toBe(0);
    const found = await json('reconstruct --run points --own-size --input odd.png');
    expect(Number.isFinite(found.logLikelihood)).toBe(true);
  });
});
