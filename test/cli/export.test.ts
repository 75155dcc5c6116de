/** vae export, and what docs/export.md shows. */

import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { priorNoise } from '../../src/inference/trained-model.ts';
import { drawGrid } from '../../src/report/grid.ts';
import { decodeSafetensors } from '../../src/runs/safetensors.ts';
import { SIDE, writeDigits } from '../data/digits.ts';
import { runtimes } from '../engines/runtimes.ts';
import { decoded } from '../report/reading.ts';
import { expectOneLine } from './one-line.ts';
import { temporaryFolder, vae } from './vae.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
const LATENTS = 3;

beforeAll(async () => {
  writeDigits(inFolder('data'), 100, 20);
  const settings = `--data-dir data --batch-size 20 --epochs 1 --seed 4 --latent ${LATENTS} --hidden 16`.split(' ');
  for (const [run, more] of [
    ['runs/first', '--activation tanh'],
    ['runs/second', '--posterior planar --likelihood normal --stddev learned'],
  ]) {
    const { code, stderr } = await vae(folder, 'train', ...settings, ...more.split(' '), '--out', run);
    expect(code, stderr).toBe(0);
  }
});

async function exported(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await vae(folder, 'export', ...args);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('vae: ')]);
  return stdout.trimEnd().split('\n');
}

const ONNX = ['encoder.onnx', 'decoder.onnx'];
const SHARD = 'group1-shard1of1.bin';
const TFJS = ['encoder', 'decoder'].flatMap((part) => [`${part}/${SHARD}`, `${part}/model.json`]);

describe('vae export', () => {
  it('prints the files that it writes, by default ONNX of the newest run', async () => {
    expect(await exported()).toEqual(ONNX.map((name) => `export/${name}`));
    expect(readFileSync(inFolder('export/encoder.onnx')).includes('mean')).toBe(true);
    // The newest run has a flow, whose posterior has no standard deviation.
    expect(readFileSync(inFolder('export/encoder.onnx')).includes('stddev')).toBe(false);
    expect(readdirSync(inFolder('export')).sort()).toEqual([...ONNX].sort());
  });

  it('decodes in other runtimes what vae sample draws', async () => {
    await exported('--run', 'runs/first', '--out', 'first');
    await exported('--run', 'runs/first', '--out', 'first', '--format', 'tfjs');
    await vae(folder, 'sample', '--run', 'runs/first', '-n', '6', '--seed', '7', '--out', 'samples.png');
    const latents = { values: priorNoise(6 * LATENTS, 7), shape: [6, LATENTS] };
    for (const { format, open } of Object.values(runtimes)) {
      const names = format === 'onnx' ? ['decoder.onnx'] : [`decoder/${SHARD}`, 'decoder/model.json'];
      const files = names.map(
        (name) => [path.basename(name).replace('decoder', 'model'), readFileSync(inFolder('first', name))] as const,
      );
      const { pictures } = await (await open(new Map(files)))({ latents });
      const found = decoded(drawGrid(Float32Array.from(pictures.values), [1, SIDE, SIDE], 3)).rgba;
      const drawn = decoded(readFileSync(inFolder('samples.png'))).rgba;
      expect(found.length).toBe(drawn.length);
      // One level is what rounding may make of 1e-7.
      expect(found.every((value, i) => Math.abs(value - drawn[i]) <= 1)).toBe(true);
    }
  });

  it('says in the files what the model is of', async () => {
    const about = { dataset: 'mnist', latent: '3', range: 'unit', seed: '4', epochs: '1', imageShape: '1,8,8' };
    const [model] = [JSON.parse(readFileSync(inFolder('first/decoder/model.json'), 'utf8'))];
    expect(model.userDefinedMetadata).toMatchObject({ ...about, likelihood: expect.stringContaining('Bernoulli') });
    const onnx = readFileSync(inFolder('first/decoder.onnx'));
    for (const text of Object.entries(about).flat()) expect(onnx.includes(text), text).toBe(true);
  });

  it('writes the weights of each part under the names of its own state_dict', async () => {
    const files = await exported('--run', 'runs/second', '--format', 'safetensors', '--out', 'weights');
    expect(files.map((file) => path.basename(file, '.safetensors'))).toEqual([
      'encoder',
      'decoder',
      'flow',
      'likelihood',
    ]);
    const read = (file: string) => decodeSafetensors(readFileSync(inFolder(file)), file);
    const decoder = read('weights/decoder.safetensors');
    expect(decoder.tensors.map(({ name, shape }) => `${name} ${shape}`)).toEqual([
      '0.weight 16,3',
      '0.bias 16',
      '2.weight 64,16',
      '2.bias 64',
    ]);
    expect(decoder.metadata).toMatchObject({ format: 'pt', posterior: 'planar', range: 'unit' });
    expect(decoder.metadata.pytorch).toContain('Linear(in_features=3, out_features=16, bias=True)');
    const checkpoint = read('runs/second/checkpoints/last.safetensors').tensors;
    for (const { name, values } of decoder.tensors) {
      expect(values).toEqual(checkpoint.find((tensor) => tensor.name === `decoder.${name}`)!.values);
    }
    expect(read('weights/flow.safetensors').tensors.map(({ name }) => name)).toContain('0.u');
  });

  it('writes the same bytes again, where it is told to', async () => {
    const names = [...ONNX, ...TFJS].map((name) => inFolder('first', name));
    const before = names.map((name) => readFileSync(name));
    for (const format of ['onnx', 'tfjs']) {
      await exported('--run', 'runs/first', '--out', 'first', '--format', format, '--force');
    }
    expect(names.map((name, i) => readFileSync(name).equals(before[i]))).toEqual(names.map(() => true));
  });

  it('leaves nothing of an earlier export, nor of one that was killed', async () => {
    await exported('--run', 'runs/second', '--format', 'safetensors', '--out', 'again');
    await exported('--run', 'runs/second', '--format', 'tfjs', '--out', 'again');
    writeFileSync(inFolder('again/encoder/group1-shard2of2.bin'), 'of a larger model');
    // No process has so high a number.
    mkdirSync(inFolder('again/.export.999999999.tmp'));
    writeFileSync(inFolder('again/notes.txt'), 'mine');
    const again = ['--run', 'runs/first', '--out', 'again', '--force', '--format'];
    await exported(...again, 'safetensors');
    await exported(...again, 'tfjs');
    const parts = ['decoder', 'decoder.safetensors', 'encoder', 'encoder.safetensors', 'notes.txt'];
    expect(readdirSync(inFolder('again')).sort()).toEqual(parts);
    expect(readdirSync(inFolder('again/encoder')).sort()).toEqual([SHARD, 'model.json']);
  });
});

describe('a mistake gets one line, its exit code, and nothing is written', () => {
  beforeAll(() => {
    for (const name of ['taken', 'half', 'other/decoder', 'folder/decoder.onnx']) {
      mkdirSync(inFolder(name), { recursive: true });
    }
    writeFileSync(inFolder('other/decoder/photo.png'), 'mine');
    writeFileSync(inFolder('taken/decoder.onnx'), 'mine');
    writeFileSync(inFolder('file'), 'mine');
    const checkpoint = readFileSync(inFolder('runs/first/checkpoints/last.safetensors'));
    writeFileSync(inFolder('damaged.safetensors'), checkpoint.subarray(0, checkpoint.length / 2));
    copyFileSync(inFolder('runs/first/checkpoints/last.safetensors'), inFolder('half/encoder.safetensors'));
  });

  const MISTAKES: Readonly<Record<string, readonly [args: string, code: 1 | 2, says: string]>> = {
    'no such format': ['--format onxn', 2, 'expected one of onnx, safetensors, tfjs; did you mean onnx?'],
    'no such option': ['--opset 12', 2, "unknown option '--opset'"],
    'no such run': ['--run nowhere', 1, 'nowhere: no such run'],
    'a run and a checkpoint': ['--run runs/first --checkpoint half/encoder.safetensors', 2, 'cannot be used with'],
    'a damaged checkpoint': ['--checkpoint damaged.safetensors', 1, 'damaged.safetensors: cut short'],
    'files that are there': ['--out taken', 1, 'taken/decoder.onnx: it exists already; name another folder with --out'],
    'a folder that is a file': ['--out file', 1, 'cannot create the folder file: a file of that name exists'],
    'a folder that is no export': [
      '--out other --format tfjs --force',
      1,
      'other/decoder: it is not an earlier export',
    ],
    'a folder in the place of a file': ['--out folder --force', 1, 'folder/decoder.onnx: it is not an earlier export'],
    'an export for a checkpoint': ['--checkpoint weights/decoder.safetensors', 1, 'but not a checkpoint of vae'],
    'no folder at all': ['--out=', 2, 'expected a path'],
    'weights onto the checkpoint': [
      '--checkpoint half/encoder.safetensors --out half --format safetensors --force',
      1,
      'would replace half/encoder.safetensors',
    ],
  };

  for (const [name, [args, code, says]] of Object.entries(MISTAKES)) {
    it(name, async () => {
      await expectOneLine(folder, ['export', ...args.split(' ')], [code, says]);
      expect(readFileSync(inFolder('taken/decoder.onnx'), 'utf8')).toBe('mine');
    });
  }

  it('where there is no run', async () => {
    mkdirSync(inFolder('elsewhere'));
    const finished = await vae(inFolder('elsewhere'), 'export');
    expect([finished.code, finished.stdout]).toEqual([1, '']);
    expect(finished.stderr).toMatch(/^vae: there is no trained run in runs\/; [^\n]+\n$/);
  });
});

describe('docs/export.md', () => {
  const snippets = [...readFileSync('docs/export.md', 'utf8').matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);

  /** Runs a piece of code that draws on a page's canvas, and returns what it drew. */
  async function drawnBy(code: string): Promise<{ width: number; height: number; levels: number[] }> {
    const drawn: { width: number; height: number; data: Uint8ClampedArray }[] = [];
    class ImageData {
      readonly data: Uint8ClampedArray;
      readonly width: number;
      readonly height: number;
      constructor(data: Uint8ClampedArray, width: number, height: number) {
        [this.data, this.width, this.height] = [data, width, height];
      }
    }
    class Canvas {
      getContext = () => ({ putImageData: (image: ImageData) => drawn.push(image) });
    }
    const page = { querySelector: () => new Canvas() };
    const [imported, ...rest] = code.split('\n');
    const [, name, module] = /^import \* as (\w+) from '(.*)';$/.exec(imported)!;
    const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
    const run = new AsyncFunction(name, rest.join('\n'));
    vi.stubGlobal('ImageData', ImageData);
    vi.stubGlobal('document', page);
    await run(await standIn(module));
    vi.unstubAllGlobals();
    const [{ width, height, data }] = drawn;
    return { width, height, levels: [...data] };
  }

  /** What a module of a browser is here. */
  async function standIn(module: string): Promise<object> {
    if (module === 'onnxruntime-web') return await import('onnxruntime-node');
    expect(module).toBe('@tensorflow/tfjs');
    const core = await import('@tensorflow/tfjs-core');
    const { loadGraphModel } = await import('@tensorflow/tfjs-converter');
    await core.setBackend('cpu');
    return { ...core, loadGraphModel };
  }

  it('draws a decoder’s picture on a page, in onnxruntime and in TensorFlow.js', async () => {
    const server = createServer((request, response) => response.end(readFileSync(inFolder('first', request.url!))));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(snippets).toHaveLength(2);
    for (const code of snippets) {
      const folderOf = code.includes('onnxruntime') ? inFolder('first/') : address;
      const { width, height, levels } = await drawnBy(code.replaceAll("'export/", `'${folderOf}`));
      expect([width, height, levels.length]).toEqual([SIDE, SIDE, 4 * SIDE * SIDE]);
      // Grey, opaque, and no flat surface.
      for (let i = 0; i < levels.length; i += 4) {
        expect([levels[i + 1], levels[i + 2], levels[i + 3]]).toEqual([levels[i], levels[i], 255]);
      }
      expect(new Set(levels).size).toBeGreaterThan(8);
    }
    server.close();
  });
});
