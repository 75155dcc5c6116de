import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePng } from '../../src/data/pictures/png.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/runs/safetensors.ts';
import { encodeIdx, writeDigits } from '../data/digits.ts';
import { temporaryFolder, vae } from './vae.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
const CHECKPOINT = 'model/checkpoints/last.safetensors';

beforeAll(async () => {
  writeDigits(inFolder('data'), 60, 20);
  const small = ['--hidden', '8', '--latent', '2', '--batch-size', '30', '--epochs', '1'];
  await vae(folder, 'train', '--data-dir', 'data', ...small, '--out', 'model');

  const good = readFileSync(inFolder('data', 'train-images-idx3-ubyte'));
  for (const [name, images] of Object.entries({
    cut: good.subarray(0, 1000),
    corrupt: Buffer.from('not an IDX file at all'),
  })) {
    writeDigits(inFolder(name), 60, 20);
    writeFileSync(inFolder(name, 'train-images-idx3-ubyte'), images);
  }
  writeFileSync(inFolder('photo.png'), Buffer.from('ffd8ffe000104a46494600010101', 'hex'));
  writeFileSync(inFolder('empty.png'), '');
  writeFileSync(inFolder('white.png'), encodePng(8, 8, 1, new Uint8Array(64).fill(255)));
  mkdirSync(inFolder('folder.png'));
  const checkpoint = readFileSync(inFolder(CHECKPOINT));
  writeFileSync(inFolder('unnamed'), checkpoint);
  writeFileSync(inFolder('cut.safetensors'), checkpoint.subarray(0, checkpoint.length - 100));
  const { tensors, metadata: own } = decodeSafetensors(checkpoint, 'model');
  // As a file of the time before checksums, which anybody can write.
  const { checksum: _, ...rest } = own;
  const metadata: Readonly<Record<string, string>> = { ...rest, vae: '1' };
  const wider = JSON.stringify({ ...JSON.parse(metadata.config), hidden: [9] });
  writeFileSync(
    inFolder('other.safetensors'),
    encodeSafetensors({ tensors, metadata: { ...metadata, config: wider } }),
  );
  const progress = (text: string) => encodeSafetensors({ tensors, metadata: { ...metadata, progress: text } });
  for (const [i, text] of DAMAGED_PROGRESS.entries()) {
    mkdirSync(inFolder(`damaged${i}`, 'checkpoints'), { recursive: true });
    writeFileSync(inFolder(`damaged${i}`, 'checkpoints', 'last.safetensors'), progress(text));
  }
  mkdirSync(inFolder('elsewhere'));
  writeFileSync(inFolder('file'), '');
  for (const [prefix, count] of [
    ['train', 4],
    ['t10k', 2],
  ] as const) {
    mkdirSync(inFolder('tiny'), { recursive: true });
    writeFileSync(
      inFolder('tiny', `${prefix}-images-idx3-ubyte`),
      encodeIdx([count, 4, 4], new Uint8Array(16 * count)),
    );
    writeFileSync(inFolder('tiny', `${prefix}-labels-idx1-ubyte`), encodeIdx([count], new Uint8Array(count)));
  }
});

interface Mistake {
  readonly args: readonly string[];
  readonly code: 1 | 2;
  readonly says: string;
  /** Where it is run; by default beside the files above. */
  readonly in?: string;
}

const onData = ['train', '--data-dir', 'data', '--epochs', '1'];
const withModel = ['--checkpoint', CHECKPOINT];

const DAMAGED_PROGRESS = [
  '[]',
  '{}',
  'null',
  '{"step":-1,"epoch":1,"batch":0,"sums":{"images":0,"loss":0,"logLikelihood":0,"kl":0}}',
  '{"step":2,"epoch":1,"batch":1,"sums":{}}',
  '{"step":2,"epoch":1,"batch":0,"sums":{"images":0,"loss":0,"logLikelihood":0,"kl":0},"best":{}}',
];

const damagedProgress = Object.fromEntries(
  DAMAGED_PROGRESS.map((text, i): [string, Mistake] => [
    `a checkpoint whose progress is ${text}`,
    { args: ['train', '--resume', `damaged${i}`, '--epochs', '3'], code: 1, says: 'damaged' },
  ]),
);

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'an unknown dataset': { args: ['train', '--dataset', 'mnits'], code: 2, says: 'did you mean mnist?' },
  'an unknown command': { args: ['trian'], code: 2, says: "unknown command 'trian' (Did you mean train?)" },
  'an unknown command with options': {
    args: ['nonsense', '--epochs', '3', '--help'],
    code: 2,
    says: "unknown command 'nonsense'",
  },
  'help on an unknown command': { args: ['help', 'smaple'], code: 2, says: "'smaple' (Did you mean sample?)" },
  'an option before its command': {
    args: ['--run', 'model', 'sample'],
    code: 2,
    says: '--run: the command comes first: vae sample --run',
  },
  'an argument too many': {
    args: ['sample', 'extra'],
    code: 2,
    says: 'sample: too many arguments; put quotes around a name with spaces',
  },
  'latents as CSV and JSON at once': {
    args: ['encode', ...withModel, '--out', '-', '--json'],
    code: 2,
    says: '--out - prints CSV, not JSON; name a file, or leave out --json',
  },
  'an unknown option': {
    args: ['train', '--epoch', '3'],
    code: 2,
    says: "unknown option '--epoch' (Did you mean --epochs?)",
  },
  'an option of the wrong type': {
    args: ['train', '--epochs', 'ten'],
    code: 2,
    says: '--epochs ten: expected an integer',
  },
  'an option without its value': { args: ['train', '--epochs'], code: 2, says: '--epochs: expected a value after it' },
  'no epochs': {
    args: ['train', '--epochs', '0'],
    code: 2,
    says: '--epochs 0: expected an integer from 1',
  },
  'no latents': {
    args: ['train', '--latent', '0'],
    code: 2,
    says: '--latent 0: expected an integer from 1 to 65536',
  },
  'an unknown activation': { args: ['train', '--activation', 'gelu'], code: 2, says: 'did you mean relu?' },
  'activations that do not fit': {
    args: [...onData, '--activation', 'elu,tanh'],
    code: 2,
    says: '2 activations for 1 hidden layer',
  },
  'a batch larger than the data': {
    args: [...onData, '--batch-size', '61'],
    code: 2,
    says: 'larger than the 60 training images',
  },
  'an unknown preset': { args: ['train', '--preset', 'adcm'], code: 2, says: 'did you mean adcme?' },
  'a preset of that name that every object has': {
    args: ['train', '--preset', 'toString'],
    code: 2,
    says: 'expected one of adcme, ',
  },
  'a flag without effect': {
    args: [...onData, '--stddev', 'learned'],
    code: 2,
    says: '--stddev has no effect with the likelihood bernoulli; use --likelihood normal',
  },
  'a length in steps and in epochs': { args: [...onData, '--steps', '3'], code: 2, says: 'cannot be used with' },
  'latents that are too far out': {
    args: ['sample', ...withModel, '--temperature', '1e300'],
    code: 2,
    says: 'expected a number of at least 0 and at most 100',
  },
  'more levels than the images have halves': {
    args: [...onData, '--model', 'conv', '--channels', '4,8,16,32'],
    code: 2,
    says: '--channels 4,8,16,32: an image of 8 × 8 can be halved 3 times at most',
  },
  'a picture that never ends': {
    args: ['reconstruct', ...withModel, '--input', '/dev/zero'],
    code: 1,
    says: 'cannot read /dev/zero: it is a device, not a file',
  },
  'nothing left to train on': { args: [...onData, '--validation', '60'], code: 2, says: 'nothing is left to train on' },
  'a data folder that is not there': {
    args: ['train', '--data-dir', 'nowhere'],
    code: 1,
    says: 'nowhere: no such folder',
  },
  'a data folder without data': {
    args: ['train', '--data-dir', 'elsewhere'],
    code: 1,
    says: 'elsewhere has no train-images-idx3-ubyte',
  },
  'an IDX file cut short': {
    args: ['train', '--data-dir', 'cut'],
    code: 1,
    says: 'cut short: its header, 60 × 8 × 8, asks for 3856 bytes and it has 1000',
  },
  'a corrupt IDX file': {
    args: ['train', '--data-dir', 'corrupt'],
    code: 1,
    says: 'not an IDX file of unsigned bytes',
  },
  'a run that cannot be made': {
    args: [...onData, '--batch-size', '30', '--out', 'file/run'],
    code: 1,
    says: 'cannot create the folder file: a file of that name exists',
  },
  'a resume of nothing': { args: ['train', '--resume', 'nowhere'], code: 1, says: 'nowhere: no such run' },
  'a resume without any run': {
    args: ['train', '--resume'],
    code: 1,
    says: 'there is no trained run in runs/',
    in: 'elsewhere',
  },
  'samples without any run': {
    args: ['sample'],
    code: 1,
    says: 'there is no trained run in runs/; start one with vae train',
    in: 'elsewhere',
  },
  'no samples': {
    args: ['sample', ...withModel, '-n', '0'],
    code: 2,
    says: '--count 0: expected an integer from 1',
  },
  'samples into a folder that is not there': {
    args: ['sample', ...withModel, '--out', 'nowhere/grid.png'],
    code: 1,
    says: 'cannot write nowhere/grid.png: no such file or folder',
  },
  'samples onto a folder': {
    args: ['sample', ...withModel, '--out', 'folder.png'],
    code: 1,
    says: 'cannot write folder.png: it is a folder, not a file',
  },
  'a run and a checkpoint at once': {
    args: ['sample', ...withModel, '--run', 'model'],
    code: 2,
    says: 'cannot be used with',
  },
  'a checkpoint that is not there': {
    args: ['sample', '--checkpoint', 'nowhere'],
    code: 1,
    says: 'cannot read nowhere: no such file',
  },
  'a checkpoint cut short': {
    args: ['sample', '--checkpoint', 'cut.safetensors'],
    code: 1,
    says: 'cut.safetensors: cut short',
  },
  'a checkpoint of another architecture': {
    args: ['sample', '--checkpoint', 'other.safetensors'],
    code: 1,
    says: '"encoder.0.weight" is [8, 64], expected [9, 64]; it comes from a different network',
  },
  'a picture that is no checkpoint': {
    args: ['info', '--checkpoint', 'photo.png'],
    code: 1,
    says: 'not a safetensors file',
  },
  'no input': { args: ['reconstruct', ...withModel], code: 2, says: '--input <file> is needed' },
  'a JPEG called PNG': {
    args: ['reconstruct', ...withModel, '--input', 'photo.png'],
    code: 1,
    says: 'photo.png: it is a JPEG that cannot be read',
  },
  'an empty file': {
    args: ['reconstruct', ...withModel, '--input', 'empty.png'],
    code: 1,
    says: 'empty.png: the file is empty',
  },
  'a folder as input': {
    args: ['reconstruct', ...withModel, '--input', 'folder.png'],
    code: 1,
    says: 'cannot read folder.png: it is a folder, not a file',
  },
  'an unknown split': { args: ['evaluate', '--split', 'tets'], code: 2, says: 'did you mean test?' },
  'data of another size': {
    args: ['evaluate', ...withModel, '--data-dir', 'tiny'],
    code: 1,
    says: 'the images are 1 × 4 × 4, but model/checkpoints/last.safetensors was trained on 1 × 8 × 8',
  },
  'validation images that are not there': {
    args: ['evaluate', ...withModel, '--split', 'validation'],
    code: 1,
    says: 'set no images aside for validation',
  },
  ...damagedProgress,
  'a run that diverges': {
    args: [...onData, '--batch-size', '60', '--learning-rate', '1e30', '--out', 'wild'],
    code: 1,
    says: 'the bound is no longer a number (epoch 1); lower --learning-rate',
  },
  'a model larger than memory': {
    args: [...onData, '--batch-size', '30', '--latent', '65536', '--samples', '65536', '--out', 'large'],
    code: 1,
    says: 'use a smaller',
  },
  'samples onto their own checkpoint': {
    args: ['sample', '--checkpoint', 'unnamed', '--out', 'unnamed'],
    code: 1,
    says: '--out unnamed: this would replace unnamed',
  },
  'a picture by the name of another format': {
    args: ['sample', ...withModel, '--out', 'grid.jpg'],
    code: 2,
    says: '--out grid.jpg: expected a path that ends in .png, as the picture is a PNG',
  },
  'activations of a preset that the user did not type': {
    args: [...onData, '--preset', 'adcme', '--hidden', '30'],
    code: 2,
    says: '--activation elu,tanh (set by the preset adcme): 2 activations for 1 hidden layer',
  },
  'a range of a preset that does not go with the likelihood': {
    args: [...onData, '--preset', 'cifar', '--likelihood', 'bernoulli'],
    code: 2,
    says: '--range symmetric (set by the preset cifar): the likelihood bernoulli is of pixels from 0 to 1; use --range unit',
  },
  'a path that would steer the terminal': {
    args: ['sample', '--run', 'no\u001b[2J\u009b31m\u202esuch'],
    code: 1,
    says: 'no\\u001b[2J\\u009b31m\\u202esuch: no such run',
  },
  'a reconstruction onto its input': {
    args: ['reconstruct', ...withModel, '--input', 'white.png', '--out', 'white.png'],
    code: 1,
    says: '--out white.png: this would replace white.png',
  },
  'an output without a name': {
    args: [...onData, '--out', ''],
    code: 2,
    says: "--out '': expected a path",
  },
  'an output below a file': {
    args: ['sample', ...withModel, '--out', 'file/grid.png'],
    code: 1,
    says: 'cannot write file/grid.png: a part of the path is a file',
  },
  'a precision that the device has no choice of': {
    args: ['train', '--precision', 'tf32', '--device', 'onnx'],
    code: 2,
    says: '--precision has no effect with the device onnx; use --device cuda',
  },
  'a bench of nothing': { args: ['bench', '--calls', '0'], code: 2, says: 'expected an integer from 1' },
};

/** What can be known only once a run has begun. */
const begins = new Set(['a run that diverges', 'a model larger than memory']);

describe('a mistake gets one line, its exit code, and nothing is written', () => {
  for (const [name, { args, code, says, in: place = '.' }] of Object.entries(MISTAKES)) {
    it(name, async () => {
      const before = readdirSync(folder, { recursive: true }).sort();
      const finished = await vae(inFolder(place), ...args);
      expect(finished.stderr).toContain(says);
      const lines = finished.stderr.split('\n').filter((line) => line.startsWith('vae: '));
      expect(lines).toHaveLength(1);
      // A run that had begun has announced itself.
      if (!begins.has(name)) expect(finished.stderr).toMatch(/^vae: [^\n]+\n$/);
      expect([finished.code, finished.stdout]).toEqual([code, '']);
      expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
    });
  }
});

/** The commands that the program's help lists, by name. */
const commandsOf = (help: string): string[] => [...help.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name).sort();

describe('what is no mistake', () => {
  it('help, which begins with examples and lists every command in a group', async () => {
    const { code, stdout, stderr } = await vae(folder, '--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.match(/^(?=\S).*:$/gm)).toEqual([
      ...['Examples:', 'Train:', 'Look:', 'Use:', 'Measure:', 'This machine:', 'Options:'],
    ]);
    expect(stdout.match(/^ {2}\$ vae \w+/gm)).toHaveLength(3);
    expect(commandsOf(stdout)).toEqual(
      readdirSync('src/cli/commands')
        .map((file) => path.basename(file, '.ts'))
        .sort(),
    );
    expect((await vae(folder, 'help')).stdout).toBe(stdout);
  });
  it('help of each command, by either way, with -h last', async () => {
    for (const name of commandsOf((await vae(folder, '--help')).stdout)) {
      const { code, stdout, stderr } = await vae(folder, name, '--help');
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`Usage: vae ${name}`);
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
      expect(stdout).toMatch(/\n {2}-h, --help +show this help\n(\n\S|$)/);
      expect((await vae(folder, 'help', name)).stdout).toBe(stdout);
      // The one command whose result is files and a line per epoch.
      expect([name, stdout.includes('--json')]).toEqual([name, name !== 'train']);
    }
  });
  it('help that says where a default is another', async () => {
    const { stdout } = await vae(folder, 'train', '--help');
    const words = stdout.replace(/\s+/g, ' ');
    expect(words).toContain('(default: dense; cifar10 and folders: chosen for the data)');
    expect(words).toContain('(default: 400; --model conv: 256; --model residual: none; --model ladder: none)');
  });
  it('a run whose name would steer the terminal, which is shown and not obeyed', async () => {
    const name = 'evil\u001b[2J\u009b31m\u202e';
    cpSync(inFolder('model'), inFolder(name), { recursive: true });
    const shown = 'evil\\u001b[2J\\u009b31m\\u202e';
    const { stdout } = await vae(folder, 'info', '--run', name);
    expect(stdout.startsWith(path.join(shown, 'checkpoints'))).toBe(true);
    const json = (await vae(folder, 'info', '--run', name, '--json')).stdout;
    expect(json).toContain(shown);
    expect(JSON.parse(json).checkpoint).toBe(path.join(name, 'checkpoints', 'last.safetensors'));
    const { stderr } = await vae(folder, 'train', '--resume', name);
    expect(stderr).toBe(`${shown}: ended after 1 epoch; give a larger --epochs to continue\n`);
  });
  it('--version', async () => expect((await vae(folder, '--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/));
  it('the doctor, who times every device that is here and says why others are not', async () => {
    const { devices, auto } = JSON.parse((await vae(folder, 'doctor', '--json')).stdout);
    expect(auto).toBe('onnx');
    const reports: Record<string, unknown>[] = devices;
    for (const device of ['onnx', 'tfjs:wasm', 'tfjs:cpu', 'reference']) {
      const report = { device, available: true, millisecondsPerStep: expect.any(Number) };
      expect(reports).toContainEqual(expect.objectContaining(report));
    }
    for (const { available, detail, millisecondsPerStep } of reports) {
      if (!available) expect([detail, millisecondsPerStep]).toEqual([expect.stringMatching(/needs/), undefined]);
    }
  });
  it('the bench', async () => {
    const { milliseconds, parameters } = JSON.parse((await vae(folder, 'bench', '--calls', '5', '--json')).stdout);
    expect(parameters).toBe(1_316_824);
    expect(milliseconds.median).toBeGreaterThan(0);
  });
});
